# Directors on a virtual clock and simulated LANs. tests/sim/sim replays what was kept and runs 10,000
# seeds; `make sim SEEDS=1000000 JOBS=4` runs more of them; mutants.sh proves that it finds faults.
check_PROGRAMS += tests/sim/sim
TESTS += tests/sim/sim tests/sim/mutants.sh
tests_sim_sim_SOURCES = tests/sim/sim.c tests/sim/sim.h tests/sim/sim_director.c tests/sim/sim_lan.c \
	tests/sim/sim_link.c \
	tests/sim/sim_minimize.c tests/sim/sim_rules.c tests/sim/sim_script.c tests/sim/sim_world.c
tests_sim_sim_LDADD = libelector.a libleftovers.a libcore.a libbase.a $(JANSSON_LIBS)
dist_check_SCRIPTS += tests/sim/mutants.sh tests/sim/run.sh
EXTRA_DIST += \
	tests/sim/kept/end-of-maintenance.sim \
	tests/sim/kept/last-word-reconfigured.sim \
	tests/sim/kept/last-word.sim \
	tests/sim/kept/member-that-leaves-its-group.sim \
	tests/sim/kept/offer-of-a-group.sim \
	tests/sim/kept/offer-taken-back.sim \
	tests/sim/kept/recorded-before-said.sim \
	tests/sim/kept/reload-of-a-group.sim \
	tests/sim/kept/robbed-while-offered.sim \
	tests/sim/kept/succeeded-by-another.sim \
	tests/sim/kept/switchover-in-maintenance.sim \
	tests/sim/kept/will-of-another-interval.sim \
	tests/sim/mutants/adopts-too-late.patch \
	tests/sim/mutants/advert-before-claim.patch \
	tests/sim/mutants/adverts-are-late.patch \
	tests/sim/mutants/any-straggler-resigns.patch \
	tests/sim/mutants/backup-does-not-listen.patch \
	tests/sim/mutants/burden-is-ignored.patch \
	tests/sim/mutants/fault-is-ignored.patch \
	tests/sim/mutants/forgotten-too-soon.patch \
	tests/sim/mutants/group-is-torn.patch \
	tests/sim/mutants/group-sleeps-on.patch \
	tests/sim/mutants/group-takes-what-it-can.patch \
	tests/sim/mutants/group-ties-on-each-lan.patch \
	tests/sim/mutants/humbler-and-hasty.patch \
	tests/sim/mutants/ignores-the-peer.patch \
	tests/sim/mutants/interval-not-capped.patch \
	tests/sim/mutants/ipv6-tie-by-last-byte.patch \
	tests/sim/mutants/last-word-is-the-rivals.patch \
	tests/sim/mutants/late-is-not-lost.patch \
	tests/sim/mutants/leftovers-stay.patch \
	tests/sim/mutants/link-down-keeps-addresses.patch \
	tests/sim/mutants/loser-keeps-addresses.patch \
	tests/sim/mutants/maintenance-ends-too-late.patch \
	tests/sim/mutants/maintenance-is-forgotten.patch \
	tests/sim/mutants/maintenance-is-taken-back.patch \
	tests/sim/mutants/member-resigns-for-its-group.patch \
	tests/sim/mutants/missing-peer-silences.patch \
	tests/sim/mutants/never-preempts.patch \
	tests/sim/mutants/news-lost-for-good.patch \
	tests/sim/mutants/no-tie-break.patch \
	tests/sim/mutants/offer-ends-early.patch \
	tests/sim/mutants/offer-is-not-understood.patch \
	tests/sim/mutants/preempts-before-ready.patch \
	tests/sim/mutants/preempts-without-delay.patch \
	tests/sim/mutants/recorded-afterwards.patch \
	tests/sim/mutants/recorded-before-it-is-said.patch \
	tests/sim/mutants/replay-is-news.patch \
	tests/sim/mutants/resigns-before-release.patch \
	tests/sim/mutants/robbed-for-good.patch \
	tests/sim/mutants/robbed-while-offered.patch \
	tests/sim/mutants/standby-is-proud.patch \
	tests/sim/mutants/strangers-are-heard.patch \
	tests/sim/mutants/switchover-gives-at-once.patch \
	tests/sim/mutants/the-link-forbids-preempting.patch \
	tests/sim/mutants/unsigned-is-heard.patch \
	tests/sim/mutants/version-2-hears-any-interval.patch \
	tests/sim/mutants/version-2-skews-by-interval.patch \
	tests/sim/mutants/waits-for-the-dead.patch \
	tests/sim/mutants/winner-does-not-shout.patch \
	tests/sim/kept/README

SEEDS = 1000000
JOBS = 2
.PHONY: sim
sim: tests/sim/sim
	$(srcdir)/tests/sim/run.sh tests/sim/sim $(SEEDS) $(JOBS)
