# The parts of tandem-link that its unit tests link too, and the program.
noinst_LIBRARIES += liblink.a
liblink_a_SOURCES = \
	src/link/connection.c src/link/connection.h \
	src/link/shadow.c src/link/shadow.h \
	src/link/stream.c src/link/stream.h \
	src/link/tls_psk.c src/link/tls_psk.h
liblink_a_CFLAGS = $(AM_CFLAGS) $(SSL_CFLAGS)

pkglibexec_PROGRAMS += tandem-link
tandem_link_SOURCES = \
	src/link/kernel_mode.c src/link/kernel_mode.h \
	src/link/link.c src/link/link.h \
	src/link/main.c
tandem_link_LDADD = liblink.a libio.a libcore.a libbase.a \
	$(NL_LIBS) $(SYSTEMD_LIBS) $(JANSSON_LIBS) $(CAPNG_LIBS) $(SSL_LIBS)
