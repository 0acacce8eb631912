# The lab's tools; the tests themselves are started by tools/test lab.
LAB_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
LAB_TOOLS = tests/lab/probe tests/lab/server tests/lab/load tests/lab/hold tests/lab/sync_read tests/lab/flood \
	tests/lab/flows tests/lab/stalls
check_PROGRAMS += $(LAB_TOOLS)
# What the lab and the demonstration need besides what is installed.
lab-tools: $(LAB_TOOLS)
.PHONY: lab-tools
tests_lab_flood_CPPFLAGS = $(LAB_CPPFLAGS)
tests_lab_flood_SOURCES = tests/lab/flood.c
tests_lab_stalls_CPPFLAGS = $(LAB_CPPFLAGS)
tests_lab_stalls_SOURCES = tests/lab/stalls.c
tests_lab_stalls_LDFLAGS = $(AM_LDFLAGS) -pthread
tests_lab_flows_CPPFLAGS = $(LAB_CPPFLAGS)
tests_lab_flows_SOURCES = tests/lab/flows.c tests/lab/tool.h
tests_lab_sync_read_SOURCES = tests/lab/sync_read.c
tests_lab_sync_read_LDADD = libcore.a libbase.a
tests_lab_probe_CPPFLAGS = $(LAB_CPPFLAGS)
tests_lab_probe_SOURCES = tests/lab/probe.c tests/lab/tool.h
tests_lab_server_CPPFLAGS = $(LAB_CPPFLAGS)
tests_lab_server_SOURCES = tests/lab/server.c tests/lab/tool.h
tests_lab_load_CPPFLAGS = $(LAB_CPPFLAGS)
tests_lab_load_SOURCES = tests/lab/load.c tests/lab/tool.h
tests_lab_hold_CPPFLAGS = $(LAB_CPPFLAGS)
tests_lab_hold_SOURCES = tests/lab/hold.c tests/lab/tool.h

# Loaded into linux.uml, which is none of ours.
check_DATA += tests/lab/uml_xstate.so
EXTRA_DIST += tests/lab/uml_xstate.c
CLEANFILES += tests/lab/uml_xstate.so
tests/lab/uml_xstate.so: tests/lab/uml_xstate.c
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(CC) -std=gnu17 -D_GNU_SOURCE $(TANDEM_WARN_CFLAGS) $(CFLAGS) -fPIC -shared \
		-o $@ $(srcdir)/tests/lab/uml_xstate.c

# Loaded into the kernel of guests, with whose headers it is built: make looks for itself what is to be done.
EXTRA_DIST += tests/lab/nomem.c
LAB_MODULES = tests/lab/modules
lab-modules:
	$(AM_V_GEN)$(MKDIR_P) $(LAB_MODULES) && cp -pu $(srcdir)/tests/lab/nomem.c $(LAB_MODULES) && \
		echo 'obj-m := nomem.o' >$(LAB_MODULES)/Kbuild && \
		kernel=$$($(srcdir)/tests/lab/guest --kernel) && headers=/lib/modules/$$kernel/build && \
		{ test -e $$headers || { echo "no $$headers: apt-get install linux-headers-$$kernel" >&2; exit 1; }; } && \
		env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL $(MAKE) -C $$headers M=$(abs_builddir)/$(LAB_MODULES) modules
.PHONY: lab-modules
clean-local: lab-modules-clean
lab-modules-clean:
	rm -rf $(LAB_MODULES)
.PHONY: lab-modules-clean

EXTRA_DIST += tests/lab/pytest.ini tests/lab/guest tests/lab/guest-init tests/lab/guest-systemd tests/lab/uml
EXTRA_DIST += $(wildcard $(srcdir)/tests/lab/*.py)
