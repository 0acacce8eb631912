# What the pair's channel is made of, for the program and for tests.
noinst_LIBRARIES += liblink.a
liblink_a_SOURCES = \
	src/link/pair_key.h \
	src/link/seal.c src/link/seal.h

pkglibexec_PROGRAMS += tandem-link
tandem_link_SOURCES = \
	src/link/shadow.c src/link/shadow.h \
	src/link/link.c src/link/link.h \
	src/link/main.c
tandem_link_LDADD = liblink.a libio.a libcore.a libbase.a \
	$(NL_LIBS) $(SYSTEMD_LIBS) $(JANSSON_LIBS) $(CAPNG_LIBS) $(OPENSSL_LIBS)
