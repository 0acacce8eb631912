# An example and a schema; the operator's own /etc/tandem/tandem.json is never written.
tandemconfdir = $(sysconfdir)/tandem
tandemconf_DATA = etc/tandem.json.example
tandemdatadir = $(datadir)/tandem
dist_tandemdata_DATA = etc/tandem.schema.json
EXTRA_DIST += etc/tandem.json
CLEANFILES += etc/tandem.json.example

etc/tandem.json.example: $(srcdir)/etc/tandem.json
	$(AM_V_GEN)$(MKDIR_P) etc && cp $(srcdir)/etc/tandem.json $@
