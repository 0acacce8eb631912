/* tandemctl resync: both directors tell each other all their connections again. Whoever asked waits
 * here until tandem-link says how it ended. */
#include "director/state.h"

#define ANSWER_US UINT64_C(110000000) /* before a caller gives up */

static void forget(struct resync_wait *w)
{
	w->call = NULL;
	w->timeout = sd_event_source_disable_unref(w->timeout);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct director *d = userdata;

	(void)source;
	(void)usec;
	control_reply(d->resync.call, json_pack("{s:s}", "state", "running"));
	forget(&d->resync);
	return 0;
}

void resync_request(struct director *d, struct control_call *call, const json_t *parameters)
{
	struct resync_wait *w = &d->resync;

	(void)parameters;
	if (!peer_is_wanted(d)) {
		control_error(call, "NoPeer", NULL);
		return;
	}
	if (w->call) {
		control_error(call, "Busy", NULL);
		return;
	}
	if (!d->peer.stream) {
		control_error(call, "PeerNotReady",
			json_pack("{s:s, s:s}", "peer", peer_name(d), "trouble",
				peer_trouble_name(
					d->peer.alive ? PEER_NO_STREAM : PEER_NOT_HEARD)));
		return;
	}
	if (sd_event_add_time_relative(
		    d->loop, &w->timeout, CLOCK_BOOTTIME, ANSWER_US, 1000, on_timeout, d) < 0) {
		control_error(call, "OutOfMemory", NULL);
		return;
	}
	w->call = call;
	process_call(&d->helpers[HELPER_LINK], "Resync", json_object());
	conntrack_sync_ask(d);
}

void resync_answer(struct director *d)
{
	if (!d->resync.call)
		return;
	control_reply(d->resync.call, json_incref(d->peer.resync_said));
	forget(&d->resync);
}

void resync_done(struct director *d)
{
	if (d->resync.call)
		control_error(d->resync.call, "Stopping", NULL);
	forget(&d->resync);
}
