# An example and a schema; the operator's own /etc/tandem/tandem.json is never written.
tandemconfdir = $(sysconfdir)/tandem
tandemconf_DATA = etc/tandem.json.example
tandemdatadir = $(datadir)/tandem
dist_tandemdata_DATA = etc/tandem.schema.json
EXTRA_DIST += etc/tandem.json etc/tandemctl.bash
bashcompletiondir = $(datadir)/bash-completion/completions
bashcompletion_DATA = etc/tandemctl
CLEANFILES += etc/tandem.json.example etc/tandemctl

etc/tandem.json.example: $(srcdir)/etc/tandem.json
	$(AM_V_GEN)$(MKDIR_P) etc && cp $(srcdir)/etc/tandem.json $@

# bash finds it by the name of the command.
etc/tandemctl: $(srcdir)/etc/tandemctl.bash
	$(AM_V_GEN)$(MKDIR_P) etc && cp $(srcdir)/etc/tandemctl.bash $@
