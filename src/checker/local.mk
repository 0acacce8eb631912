pkglibexec_PROGRAMS += tandem-checker
tandem_checker_SOURCES = \
	src/checker/checker.c src/checker/checker.h \
	src/checker/dns_probe.c \
	src/checker/history.c src/checker/history.h \
	src/checker/main.c \
	src/checker/ping_probe.c \
	src/checker/probe.c src/checker/probe.h \
	src/checker/probe_types.c src/checker/types.h \
	src/checker/smtp_probe.c \
	src/checker/socket_loop.c src/checker/socket_loop.h \
	src/checker/target.c src/checker/target.h \
	src/checker/tcp_probe.c \
	src/checker/udp_probe.c
tandem_checker_LDADD = libio.a libcore.a libbase.a $(SYSTEMD_LIBS) $(JANSSON_LIBS) $(CAPNG_LIBS) $(PCRE2_LIBS)
tandem_checker_CPPFLAGS = $(AM_CPPFLAGS) $(PCRE2_CFLAGS)
