# The metrics and the words of a status are tandemctl's as well.
noinst_LIBRARIES += libmetrics.a
libmetrics_a_SOURCES = \
	src/web/metric_table.c src/web/metric_table.h \
	src/web/metrics.c src/web/metrics.h
if WEB
sbin_PROGRAMS += tandem-web
endif
tandem_web_SOURCES = \
	src/ctl/caller.c src/ctl/caller.h \
	src/ctl/peer_trouble.c src/ctl/peer_trouble.h \
	src/ctl/print.c src/ctl/print.h \
	src/web/answer.c src/web/answer.h \
	src/web/ask.c src/web/ask.h \
	src/web/listen.c src/web/listen.h \
	src/web/main.c \
	src/web/page.c src/web/page.h \
	src/web/server.c src/web/server.h
tandem_web_LDADD = libmetrics.a libio.a libbase.a $(MICROHTTPD_LIBS) $(SYSTEMD_LIBS) $(JANSSON_LIBS) \
	$(CAPNG_LIBS) $(SECCOMP_LIBS)
