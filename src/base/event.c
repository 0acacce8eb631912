/* The table of events. A MESSAGE_ID never changes once it is released. */
#include "base/event.h"

#include <assert.h>
#include <string.h>
#include <syslog.h>

static const struct {
	const char *name;
	const char *message_id;
	int priority;
} events[EVENT_MAX_] = {
	[EVENT_STARTED] = {"started", "20e9ab8aa742f459496384062164d20d", LOG_NOTICE},
	[EVENT_STOPPING] = {"stopping", "fb40942e25faa9227429386e0706f120", LOG_NOTICE},
	[EVENT_CONFIG_REJECTED] = {"config-rejected", "2b171866dbafd632a5fc3b2a4e01c243", LOG_ERR},
	[EVENT_RELOADED] = {"reloaded", "215bb39c14971a3f122dcef239554093", LOG_NOTICE},
	[EVENT_ROUTER_ACTIVE] = {"router-active", "bf4a54d0130f2971d1f6345089f665a1", LOG_NOTICE},
	[EVENT_ROUTER_BACKUP] = {"router-backup", "263446f06ff4fc6c9907a0332424f375", LOG_NOTICE},
	[EVENT_ROUTER_INITIALIZE] = {"router-initialize", "740cf540563319f310fb5fbbce339a8d",
		LOG_WARNING},
	[EVENT_ROUTER_ADOPTED] = {"router-adopted", "e4dbcfaa21965ca9b94e160c28e500c1",
		LOG_WARNING},
	[EVENT_ROUTER_LATE] = {"router-late", "3338cd94b1a568d41a595b8ef54c5823", LOG_WARNING},
	[EVENT_PRIORITY] = {"priority-changed", "ce345d973c354c9fb995884885336e64", LOG_NOTICE},
	[EVENT_TRACK_FAILED] = {"track-failed", "89ef18484dba4643bea6f9d7e9a15450", LOG_WARNING},
	[EVENT_TRACK_PASSED] = {"track-passed", "eb48f3d157634a15aca282df86e15281", LOG_NOTICE},
	[EVENT_TRACK_ERROR] = {"track-error", "380bdd1f85a54bab97362e086a4ba944", LOG_ERR},
	[EVENT_BEFORE_ACTIVE] = {"before-active", "696e5854c13946d08a10d79f0bf9ccdf", LOG_INFO},
	[EVENT_NOTIFY_FAILED] = {"notify-failed", "ed85bdc5dcd14fe4ac4d15b8cc02476e", LOG_WARNING},
	[EVENT_NOTIFY_SKIPPED] = {"notify-skipped", "612c533c40fe40db8c2de7cfe2244ce2",
		LOG_WARNING},
	[EVENT_NOT_READY] = {"not-ready", "0d6bb8eba9d744a49339e47bb15d7ab8", LOG_WARNING},
	[EVENT_RIVAL] = {"rival", "092f7ffa83ddebb317c4778278d129e4", LOG_WARNING},
	[EVENT_TAKEOVER_WITHHELD] = {"takeover-withheld", "a448459819884c65bbf4fd1bfbf796ba",
		LOG_ERR},
	[EVENT_ADVERTS_BACK] = {"adverts-back", "73ca041be3624325b2c4d2e24cd670b8", LOG_NOTICE},
	[EVENT_ADVERT_REJECTED] = {"advert-rejected", "fe010d6e624fc0fb80b9978cc011fc59",
		LOG_WARNING},
	[EVENT_ADVERT_TOO_LONG] = {"advert-too-long", "ea61121dbe0a4d5a8bfe7b022b956497", LOG_ERR},
	[EVENT_CLOCK_DEAF] = {"clock-deaf", "a11803d635e040ed97eb25bda2e7e444", LOG_ERR},
	[EVENT_ADDRESS_RESTORED] = {"address-restored", "57f15bf4717a22679cceed45df25146e",
		LOG_WARNING},
	[EVENT_ADDRESS_CONTESTED] = {"address-contested", "1af5e444b01944358df0aa2c42b1a1dc",
		LOG_ERR},
	[EVENT_ADDRESS_CLAIMED] = {"address-claimed", "ce05a8f751ea43a4834cee2b9502eaa3", LOG_ERR},
	[EVENT_LEFTOVER_REMOVED] = {"leftover-removed", "7063f8726b82a07089a9e016fbdb9dd4",
		LOG_WARNING},
	[EVENT_SWITCHOVER] = {"switchover", "bf0fb63b271a4c0e8cfcff398b66ba29", LOG_NOTICE},
	[EVENT_SWITCHOVER_FAILED] = {"switchover-failed", "23feb706711444f280abca6b537d8785",
		LOG_WARNING},
	[EVENT_MAINTENANCE] = {"maintenance", "d721e42573c648d1b6d63d35eb7b65c9", LOG_NOTICE},
	[EVENT_RESIGNED_FOR] = {"resigned-for", "3fe00afe5beb2dcaa2d8b3f07e2b90a2", LOG_ERR},
	[EVENT_HELPER_STARTED] = {"helper-started", "1c4cd47886c695ad6b557b45b567621f", LOG_INFO},
	[EVENT_HELPER_DIED] = {"helper-died", "b57da2beed1f6ff29251c25ab9592166", LOG_ERR},
	[EVENT_HELPER_HUNG] = {"helper-hung", "0fb4d87967d20fc2516192e341361242", LOG_ERR},
	[EVENT_SERVER_UP] = {"server-up", "c55de1c3f7854e6370875bc52632f54d", LOG_NOTICE},
	[EVENT_SERVER_DOWN] = {"server-down", "a34aa17268a1d7ae9e614137321735c8", LOG_WARNING},
	[EVENT_SERVER_WISH] = {"server-wish", "cabdbaf25ca7ec71c55561b23bc9ef43", LOG_NOTICE},
	[EVENT_QUORUM_LOST] = {"quorum-lost", "be68a4669d9cf9b78be643749f120b8d", LOG_WARNING},
	[EVENT_QUORUM_REGAINED] = {"quorum-regained", "fd0c0bb326efb7fde2cbdd289b0e8c2e",
		LOG_NOTICE},
	[EVENT_FALLBACK_USED] = {"fallback-used", "a9359b9c930c9acd776593446340269b", LOG_WARNING},
	[EVENT_PANIC] = {"panic", "ee0103c7b914063885d8310c95974307", LOG_ERR},
	[EVENT_PANIC_OVER] = {"panic-over", "5b03edc29606c079fe4ab917bf0122f0", LOG_NOTICE},
	[EVENT_DRAIN_STARTED] = {"drain-started", "73498a902d48e3279412ab88e639de60", LOG_NOTICE},
	[EVENT_DRAIN_DONE] = {"drain-done", "4ff95d5aef8f0754d8aa656bff43da37", LOG_NOTICE},
	[EVENT_DRAIN_FORCED] = {"drain-forced", "4fc18ed9c6e1a1d4039ed0f206cc7adf", LOG_WARNING},
	[EVENT_OVERRIDE] = {"override", "fc5764575bba3c2333cb6754927476b6", LOG_NOTICE},
	[EVENT_IPVS_APPLIED] = {"ipvs-applied", "ebeca98bc26f422eb6371c42ec2e57b1", LOG_INFO},
	[EVENT_IPVS_DRIFT] = {"ipvs-drift", "2193c494076ff3f91de8aacd2a0684ec", LOG_WARNING},
	[EVENT_IPVS_FAILED] = {"ipvs-failed", "cd5e90c381dff0c32ce8904bf1027d1a", LOG_ERR},
	[EVENT_SYNC_STARTED] = {"sync-started", "28b5204be1f89178621ff12e6a2695cb", LOG_INFO},
	[EVENT_SYNC_LOST] = {"sync-lost", "420ff63b05df3e29ef3cd58c516ea86f", LOG_WARNING},
	[EVENT_PEER_HEARD] = {"peer-heard", "03d228cfcf5a4d2e8f9389ee73a30fd8", LOG_NOTICE},
	[EVENT_PEER_LOST] = {"peer-lost", "7e2929fe88f9498a8db26493c69548f2", LOG_WARNING},
	[EVENT_SPLIT_BRAIN] = {"split-brain", "1502db1ac1e841eeb3cd45e59c26c6fb", LOG_ERR},
	[EVENT_SPLIT_BRAIN_OVER] = {"split-brain-over", "788445164c12415f9ad32ebad2c0c0cc",
		LOG_NOTICE},
	[EVENT_CONFIG_DIFFERS] = {"config-differs", "5cda521619dd40de8c4f71ff074b4372",
		LOG_WARNING},
	[EVENT_CONFIG_EQUAL] = {"config-equal", "a5b8f37fd3974d65a75aab7ede6981c2", LOG_NOTICE},
	[EVENT_RESYNC_DONE] = {"resync-done", "3cd0e96e41214d62b8d3dee00051dd33", LOG_NOTICE},
	[EVENT_RESYNC_FAILED] = {"resync-failed", "ed2320aa563341579f3f13fa2a11d0b9", LOG_WARNING},
	[EVENT_COVERAGE_LOW] = {"coverage-low", "0ef077b460b642f0a3c8bbc8ea7fdf74", LOG_WARNING},
	[EVENT_TABLE_DIFFERS] = {"table-differs", "5032aa51215d45aabb0e9e8f3e1772df", LOG_WARNING},
	[EVENT_TABLE_READ] = {"table-read", "1b3b51add1024f10b70dc45cc30cacd1", LOG_NOTICE},
	[EVENT_DECISION_CONFLICT] = {"decision-conflict", "df4ca02d97b045c68461c3bfbee60fbc",
		LOG_WARNING},
	[EVENT_PUSHED] = {"pushed", "cbd3ede487984ac28d7b75226cd9e48f", LOG_NOTICE},
	[EVENT_PUSH_FAILED] = {"push-failed", "31026eca14544edba0b94eb703e053c2", LOG_WARNING},
	[EVENT_SYSCTL_FAILED] = {"sysctl-failed", "9da3d1b2d76a87c1653487c1d98a1e20", LOG_WARNING},
	[EVENT_RULES_APPLIED] = {"rules-applied", "325ebfb89cc641a7f2ee9e7644d6cfdc", LOG_INFO},
	[EVENT_RULES_FAILED] = {"rules-failed", "6cb684f9d5ffe8f61a141f7a6f8ae72a", LOG_ERR},
	[EVENT_CONNTRACK_DELETED] = {"conntrack-deleted", "5f030a25a051175ce33acd0db3fa96f4",
		LOG_INFO},
	[EVENT_LOCAL_PORTS] = {"local-ports-exhausted", "54f4438e0dcb8bf1fce6771d280dc604",
		LOG_WARNING},
	[EVENT_RUNTIME_RESTORED] = {"runtime-restored", "d17185688c92409abe6aaa34410371bb",
		LOG_WARNING},
	[EVENT_ERROR] = {"error", "4a04115b5f108d1a870c837825a27888", LOG_ERR},
};

const char *event_name(enum event event)
{
	assert(event < EVENT_MAX_);
	return events[event].name;
}

const char *event_message_id(enum event event)
{
	assert(event < EVENT_MAX_);
	return events[event].message_id;
}

int event_priority(enum event event)
{
	assert(event < EVENT_MAX_);
	return events[event].priority;
}

enum event event_by_name(const char *name)
{
	for (enum event e = 0; e < EVENT_MAX_; e++)
		if (strcmp(events[e].name, name) == 0)
			return e;
	return EVENT_MAX_;
}
