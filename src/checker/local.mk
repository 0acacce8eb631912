pkglibexec_PROGRAMS += tandem-checker
tandem_checker_SOURCES = \
	src/checker/checker.c src/checker/checker.h \
	src/checker/http_match.c src/checker/http_match.h \
	src/checker/main.c \
	src/checker/probe.h \
	src/checker/target.c src/checker/target.h \
	src/checker/tcp_probe.c
tandem_checker_LDADD = libio.a libcore.a libbase.a $(SYSTEMD_LIBS) $(JANSSON_LIBS) $(CAPNG_LIBS) $(PCRE2_LIBS)
