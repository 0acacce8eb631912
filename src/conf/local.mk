noinst_LIBRARIES += libconf.a
libconf_a_SOURCES = \
	src/conf/alloc.h \
	src/conf/build.c src/conf/build.h \
	src/conf/conf.c src/conf/conf.h \
	src/conf/conf_check.c src/conf/conf_check.h \
	src/conf/expand.c src/conf/expand.h \
	src/conf/fault.c src/conf/fault.h \
	src/conf/key.c src/conf/key.h \
	src/conf/key_table.h \
	src/conf/keys.c src/conf/keys.h \
	src/conf/keys_check.c src/conf/keys_election.c src/conf/keys_link.c src/conf/keys_moved.c \
	src/conf/keys_notify.c src/conf/keys_pool.c src/conf/keys_service.c src/conf/keys_track.c \
	src/conf/outline.c src/conf/outline.h \
	src/conf/parse_http.c src/conf/parse_http.h src/conf/rules_http.c \
	src/conf/parse.c src/conf/parse.h src/conf/parse_net.c src/conf/parse_net.h \
	src/conf/place.c src/conf/place.h \
	src/conf/relations.c src/conf/relations.h \
	src/conf/rules.c src/conf/rules.h src/conf/rules_check.c src/conf/rules_election.c src/conf/rules_pool.c src/conf/rules_service.c \
	src/conf/rules_group.c src/conf/rules_link.c src/conf/rules_moved.c src/conf/rules_track.c src/conf/rules_wire.c \
	src/conf/schema.c src/conf/schema.h \
	src/conf/secrets.c src/conf/secrets.h \
	src/conf/source.c src/conf/source.h \
	src/conf/suggest.c src/conf/suggest.h \
	src/conf/tree.c src/conf/tree.h \
	src/conf/value.c src/conf/value.h
libconf_a_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(OPENSSL_CFLAGS)

# What a program that reads configurations links, in this order.
LIBCONF = libconf.a libio.a libcore.a libbase.a $(JANSSON_LIBS) $(OPENSSL_LIBS) $(PCRE2_LIBS)
