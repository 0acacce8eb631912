systemdsystemunit_DATA = systemd/tandemd.service systemd/tandem-cleanup.service systemd/tandem-realserver.service
if WEB
systemdsystemunit_DATA += systemd/tandem-web.service
endif

sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d
modulesloaddir = $(prefix)/lib/modules-load.d
catalogdir = $(prefix)/lib/systemd/catalog
catalog_DATA = systemd/tandem.catalog

EXTRA_DIST += systemd/tandemd.service.in systemd/tandem-cleanup.service.in \
	systemd/tandem-realserver.service.in systemd/tandem-web.service.in systemd/tandem.sysusers \
	systemd/tandem.tmpfiles systemd/tandem.modules-load systemd/tandem.catalog
CLEANFILES += systemd/tandemd.service systemd/tandem-cleanup.service systemd/tandem-realserver.service systemd/tandem-web.service

%.service: %.service.in
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SED) -e 's|@sbindir[@]|$(sbindir)|g' \
		-e 's|@bindir[@]|$(bindir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' $< > $@

# systemd wants one name for each of these in directories of its own.
install-data-hook:
	$(MKDIR_P) $(DESTDIR)$(sysusersdir) $(DESTDIR)$(tmpfilesdir) $(DESTDIR)$(modulesloaddir)
	$(INSTALL_DATA) $(srcdir)/systemd/tandem.sysusers $(DESTDIR)$(sysusersdir)/tandem.conf
	$(INSTALL_DATA) $(srcdir)/systemd/tandem.tmpfiles $(DESTDIR)$(tmpfilesdir)/tandem.conf
	$(INSTALL_DATA) $(srcdir)/systemd/tandem.modules-load $(DESTDIR)$(modulesloaddir)/tandem.conf

uninstall-hook:
	rm -f $(DESTDIR)$(sysusersdir)/tandem.conf $(DESTDIR)$(tmpfilesdir)/tandem.conf \
		$(DESTDIR)$(modulesloaddir)/tandem.conf
