# The election. libelector.a is the program without main(), for the tests; libleftovers.a tidies up for
# an elector that is gone, and is all that tandemd links of this folder. Whoever links it also links
# libio.a libcore.a libbase.a $(NL_ROUTE_LIBS) $(NL_LIBS).
noinst_LIBRARIES += libelector.a libleftovers.a
libleftovers_a_SOURCES = \
	src/elector/leftovers.c src/elector/leftovers.h \
	src/elector/state_file.c src/elector/state_file.h
libelector_a_SOURCES = \
	src/elector/causes.c src/elector/causes.h \
	src/elector/change.c \
	src/elector/claims.c src/elector/claims.h \
	src/elector/daemon.c src/elector/daemon.h \
	src/elector/elector.c src/elector/elector.h \
	src/elector/group.c src/elector/group.h \
	src/elector/holding.c src/elector/holding.h \
	src/elector/message.c src/elector/message.h \
	src/elector/message_wire.c \
	src/elector/parts.h \
	src/elector/ports.c \
	src/elector/realtime.c src/elector/realtime.h \
	src/elector/router.c src/elector/router.h \
	src/elector/router_config.c \
	src/elector/spare.c src/elector/spare.h \
	src/elector/wire.c src/elector/wire.h
libelector_a_CFLAGS = $(AM_CFLAGS) $(CAPNG_CFLAGS)

ELECTOR_LIBS = libelector.a libleftovers.a libio.a libcore.a libbase.a $(CAPNG_LIBS) \
	$(NL_ROUTE_LIBS) $(NL_LIBS) $(SYSTEMD_LIBS) $(JANSSON_LIBS)

pkglibexec_PROGRAMS += tandem-elector
tandem_elector_SOURCES = src/elector/main.c
tandem_elector_LDADD = $(ELECTOR_LIBS)
