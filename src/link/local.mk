# What the pair's channel is made of, for the program and for tests.
noinst_LIBRARIES += liblink.a
liblink_a_SOURCES = \
	src/link/bulk.c src/link/bulk.h \
	src/link/cold_start.c src/link/cold_start.h \
	src/link/kernel_count.c src/link/kernel_count.h \
	src/link/connection.c src/link/connection.h \
	src/link/count.c src/link/count.h \
	src/link/coverage.c src/link/coverage.h \
	src/link/feeder.c src/link/feeder.h \
	src/link/greeting.c src/link/greeting.h \
	src/link/hello.c src/link/hello.h \
	src/link/hex.c src/link/hex.h \
	src/link/life.c src/link/life.h \
	src/link/news.c src/link/news.h \
	src/link/peer.c src/link/peer.h \
	src/link/relay.c src/link/relay.h \
	src/link/repair.c src/link/repair.h \
	src/link/resync.c src/link/resync.h \
	src/link/seal.c src/link/seal.h \
	src/link/service_table.c src/link/service_table.h \
	src/link/session.c src/link/session.h \
	src/link/settings.c src/link/settings.h \
	src/link/shadow.c src/link/shadow.h \
	src/link/states.c src/link/states.h \
	src/link/stream.c src/link/stream.h \
	src/link/timer.c src/link/timer.h \
	src/link/tls_psk.c src/link/tls_psk.h \
	src/link/tracking.c src/link/tracking.h
liblink_a_CFLAGS = $(AM_CFLAGS) $(SSL_CFLAGS)

pkglibexec_PROGRAMS += tandem-link
tandem_link_SOURCES = \
	src/link/kernel_mode.c src/link/kernel_mode.h \
	src/link/link.c src/link/link.h \
	src/link/main.c \
	src/link/tandem_mode.c src/link/tandem_mode.h
tandem_link_LDADD = liblink.a libio.a libcore.a libbase.a \
	$(NL_LIBS) $(SYSTEMD_LIBS) $(JANSSON_LIBS) $(CAPNG_LIBS) $(SECCOMP_LIBS) $(SSL_LIBS)
