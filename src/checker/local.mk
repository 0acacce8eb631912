pkglibexec_PROGRAMS += tandem-checker
tandem_checker_SOURCES = \
	src/checker/arp_probe.c \
	src/checker/agent_probe.c src/checker/agent_result.c src/checker/agent_result.h \
	src/checker/change.c src/checker/change.h \
	src/checker/checker.c src/checker/checker.h \
	src/checker/confine.c src/checker/confine.h \
	src/checker/dns_probe.c \
	src/checker/curl_loop.c src/checker/curl_loop.h \
	src/checker/http_match.c src/checker/http_match.h \
	src/checker/http_probe.c \
	src/checker/http_rule.c src/checker/http_rule.h \
	src/checker/exec_probe.c src/checker/file_probe.c \
	src/checker/history.c src/checker/history.h \
	src/checker/main.c \
	src/checker/ping_probe.c \
	src/checker/probe.c src/checker/probe.h \
	src/checker/probe_types.c src/checker/types.h \
	src/checker/smtp_probe.c \
	src/checker/socket_loop.c src/checker/socket_loop.h \
	src/checker/slots.c src/checker/slots.h \
	src/checker/target.c src/checker/target.h \
	src/checker/target_list.c src/checker/target_list.h \
	src/checker/tcp_probe.c \
	src/checker/tls_rule.c src/checker/tls_rule.h \
	src/checker/udp_probe.c
tandem_checker_LDADD = libio.a libcore.a libbase.a $(SYSTEMD_LIBS) $(JANSSON_LIBS) $(CAPNG_LIBS) $(SECCOMP_LIBS) \
	$(CURL_LIBS) $(SSL_LIBS) $(PCRE2_LIBS)
