dist_man_MANS += man/tandemd.8 man/tandemctl.8
dist_man_MANS += man/tandem.json.5
dist_man_MANS += man/tandem-realserver.8 man/tandem-forwarding.7 man/tandem-checks.7
dist_man_MANS += man/tandem-link.7 man/tandem-keepalived.7
if WEB
dist_man_MANS += man/tandem-web.8
endif
EXTRA_DIST += man/tandem-web.8
dist_check_SCRIPTS += man/check_lint
TESTS += man/check_lint
