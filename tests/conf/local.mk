CONF_TEST_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE -I$(top_srcdir)/tests/conf
CONF_TEST_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/conf/test_place
TESTS += tests/conf/test_place
tests_conf_test_place_SOURCES = tests/conf/test_place.c
tests_conf_test_place_CPPFLAGS = $(CONF_TEST_CPPFLAGS)
tests_conf_test_place_CFLAGS = $(CONF_TEST_CFLAGS)
tests_conf_test_place_LDADD = $(LIBCONF) $(CHECK_LIBS)

check_PROGRAMS += tests/conf/test_tree
TESTS += tests/conf/test_tree
tests_conf_test_tree_SOURCES = tests/conf/test_tree.c
tests_conf_test_tree_CPPFLAGS = $(CONF_TEST_CPPFLAGS)
tests_conf_test_tree_CFLAGS = $(CONF_TEST_CFLAGS)
tests_conf_test_tree_LDADD = $(LIBCONF) $(CHECK_LIBS)

check_PROGRAMS += tests/conf/test_suggest
TESTS += tests/conf/test_suggest
tests_conf_test_suggest_SOURCES = tests/conf/test_suggest.c
tests_conf_test_suggest_CPPFLAGS = $(CONF_TEST_CPPFLAGS)
tests_conf_test_suggest_CFLAGS = $(CONF_TEST_CFLAGS)
tests_conf_test_suggest_LDADD = $(LIBCONF) $(CHECK_LIBS)

check_PROGRAMS += tests/conf/test_outline
TESTS += tests/conf/test_outline
tests_conf_test_outline_SOURCES = tests/conf/test_outline.c
tests_conf_test_outline_CPPFLAGS = $(CONF_TEST_CPPFLAGS)
tests_conf_test_outline_CFLAGS = $(CONF_TEST_CFLAGS)
tests_conf_test_outline_LDADD = $(LIBCONF) $(CHECK_LIBS)

check_PROGRAMS += tests/conf/test_conf
TESTS += tests/conf/test_conf
tests_conf_test_conf_SOURCES = tests/conf/test_conf.c
tests_conf_test_conf_CPPFLAGS = $(CONF_TEST_CPPFLAGS)
tests_conf_test_conf_CFLAGS = $(CONF_TEST_CFLAGS)
tests_conf_test_conf_LDADD = $(LIBCONF) $(CHECK_LIBS)

check_PROGRAMS += tests/conf/golden
TESTS += tests/conf/golden
tests_conf_golden_SOURCES = tests/conf/golden.c tests/conf/dump.c tests/conf/dump.h
tests_conf_golden_CPPFLAGS = $(CONF_TEST_CPPFLAGS)
tests_conf_golden_CFLAGS = $(CONF_TEST_CFLAGS)
tests_conf_golden_LDADD = $(LIBCONF) $(CHECK_LIBS)
EXTRA_DIST += tests/conf/good tests/conf/bad tests/conf/bad-relations

check_PROGRAMS += tests/conf/print_schema
tests_conf_print_schema_SOURCES = tests/conf/print_schema.c
tests_conf_print_schema_LDADD = $(LIBCONF)

check_PROGRAMS += tests/conf/read_conf
tests_conf_read_conf_SOURCES = tests/conf/read_conf.c tests/conf/dump.c tests/conf/dump.h
tests_conf_read_conf_CPPFLAGS = $(CONF_TEST_CPPFLAGS)
tests_conf_read_conf_LDADD = $(LIBCONF)

dist_check_SCRIPTS += tests/conf/check_schema.py tests/conf/check_manual.py
TESTS += tests/conf/check_schema.py tests/conf/check_manual.py

# Writes etc/tandem.schema.json anew after a change of src/conf/keys*.c.
.PHONY: update-schema
update-schema: tests/conf/print_schema$(EXEEXT)
	tests/conf/print_schema$(EXEEXT) >tandem.schema.tmp
	mv tandem.schema.tmp $(top_srcdir)/etc/tandem.schema.json
