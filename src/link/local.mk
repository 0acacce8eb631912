pkglibexec_PROGRAMS += tandem-link
tandem_link_SOURCES = \
	src/link/coverage.c src/link/coverage.h \
	src/link/feeder.c src/link/feeder.h \
	src/link/resync.c src/link/resync.h \
	src/link/shadow.c src/link/shadow.h \
	src/link/link.c src/link/link.h \
	src/link/main.c
tandem_link_LDADD = libio.a libcore.a libbase.a \
	$(NL_LIBS) $(SYSTEMD_LIBS) $(JANSSON_LIBS) $(CAPNG_LIBS)
