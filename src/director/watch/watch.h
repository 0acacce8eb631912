/* What is watched on this host: one struct watch for each thing, however many virtual routers ask
 * about it. A kind of watch finds out (watch_*.c); what comes of it is track.c's. */
#pragma once

#include "conf/conf.h"
#include "core/health.h"
#include "core/track.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define WATCH_REASON_MAX 320

struct watch;
struct watches;
struct net_watch; /* watch_net.c: what interfaces and routes share */

struct watch_kind {
	/* 0, or -errno: nothing is watched then. */
	int (*start)(struct watch *w);
	void (*stop)(struct watch *w); /* of one that was started, or failed to */
};

struct watch {
	const struct watch_kind *kind;
	struct watches *all;
	const struct conf_track *conf; /* of the configuration in force */
	char *key;                     /* what is watched, and how: the same for the same */
	char *text;                    /* "ping 192.0.2.1" */
	struct health health;          /* HEALTH_DOWN: it fails */
	int64_t number;                /* of a file, or of servers */
	uint64_t results, failures;
	char reason[WATCH_REASON_MAX];  /* of the last result */
	char trouble[WATCH_REASON_MAX]; /* why it cannot be watched as it should, "": it is */
	bool wanted;                    /* in the configuration that is being taken */
	void *own;                      /* the kind's */
};

struct watches_handler {
	/* Its state is another one, or its number. */
	void (*changed)(struct watch *w, void *userdata);
	/* w->trouble is news. */
	void (*trouble)(struct watch *w, void *userdata);
	/* The state of what the director knows itself: a pool, or the pools of a service; and how
	 * many of its servers are down here only. */
	enum health_state (*ask)(
		const struct conf_track *conf, int64_t *ret_number, void *userdata);
};

struct watches {
	sd_event *loop;
	const struct watches_handler *handler;
	void *userdata;
	struct watch **items;
	size_t n;
	struct net_watch *net; /* NULL while nothing needs it */
};

/* One result, by rise and fall; the first decides alone. */
void watch_result(struct watch *w, bool passed, const char *reason);
/* A state that is certain. */
void watch_state(struct watch *w, bool passed, const char *reason);
/* It cannot be watched as it should, or it can again (""). Told when it is news. */
void watch_trouble(struct watch *w, const char *why);

/* Those that `begin` and `end` enclose are wanted; what is the same as before goes on. Returns the
 * watch of a leaf, never NULL. */
void watches_begin(struct watches *all);
struct watch *watches_want(
	struct watches *all, const struct conf_track *conf, const struct conf *c);
void watches_end(struct watches *all);
void watches_done(struct watches *all);
/* Pools may have changed. */
void watches_ask(struct watches *all);

/* "ping 192.0.2.1". Release with free(). */
char *watch_text(const struct conf_track *conf, const struct conf *c);

extern const struct watch_kind watch_interface, watch_route, watch_script, watch_file,
	watch_process, watch_ping;

/* watch_net.c */
void net_watch_free(struct net_watch *n);
