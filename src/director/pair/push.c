/* tandemctl push: the files of this node's configuration are offered to the peer. What each wants
 * of the other stands in its state, so that a broken stream or a restart loses nothing: the one
 * that offers says which step it is at, the one that takes says how that step went. They are sent
 * piece by piece, each when the one before has come. It checks them against its own host; then it
 * is applied by the one that serves nobody, then by the other. What cannot be carried out is taken
 * back, file and all. What goes through the files is done aside of the loop (push_work.c). */
#include "director/state.h"

#include "base/cleanup.h"
#include "director/pair/push_files.h"
#include "director/pair/push_work.h"
#include "io/aside.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_MAX (192u * 1024u) /* bytes of a piece: it travels in a state */
#define ANSWER_US UINT64_C(60000000)
#define GONE_US UINT64_C(15000000) /* a peer that is not heard: it may be busy, or restarted */
#define TEXT_NAME "<text>"         /* what errors call a text that is in no file */

enum step {
	STEP_SEND,  /* the files, piece by piece */
	STEP_CHECK, /* would it be taken? */
	STEP_APPLY, /* write it, and make it so */
	STEP_UNDO,  /* what was there before */
	STEP_MAX_
};

static const char *const step_names[STEP_MAX_] = {
	[STEP_SEND] = "send",
	[STEP_CHECK] = "check",
	[STEP_APPLY] = "apply",
	[STEP_UNDO] = "undo",
};

/* What we offer. */
struct offer {
	struct control_call *call; /* NULL: nothing is offered */
	uint64_t id;
	enum step step;
	char *text;     /* push_files_read(); NULL: they are being read */
	size_t len, at; /* bytes; the peer has those before */
	bool may_delete;
	bool here_first, here_done;
	bool gone;      /* the peer is not heard */
	json_t *failed; /* errors that STEP_UNDO is the answer to */
	sd_event_source *timeout;
};

/* What we take. */
struct taking {
	uint64_t id;
	enum step step;
	char *text; /* what has come of it */
	size_t have, total;
	json_t *files; /* when all has come; the work's while it is done */
	bool may_delete;
	bool under_way; /* its answer is yet to come */
	bool back;      /* it failed, and what was there before is being put back */
	json_t *errors; /* the answer: empty when it went well */
};

struct push {
	struct offer offer;
	struct taking taking;
	struct push_work work; /* of one of them; the thread's while there is `aside` */
	struct aside *aside;
	bool reloading;      /* on behalf of one of them */
	bool reload_waits;   /* ... and another one ends first */
	json_t *reload_said; /* errors of the reload that has just ended */
	sd_event_source *defer;
};

static const char *self_name(const struct director *d)
{
	return d->conf->nodes[d->conf->self].name;
}

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static uint64_t id_of(const json_t *o)
{
	return (uint64_t)json_integer_value(json_object_get(o, "id"));
}

static bool step_by_name(const char *name, enum step *ret)
{
	for (enum step i = 0; name && i < STEP_MAX_; i++)
		if (strcmp(step_names[i], name) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

/* A reload on behalf of a push; push_reloaded() goes on. One that is under way may have read the
 * files before they were written: what it says is no answer. */
static void reload(struct director *d, bool may_delete)
{
	d->push->reload_waits = reload_is_under_way(d);
	d->push->reloading = true;
	reload_request(d, NULL, may_delete);
}

static void on_worked(void *data, void *userdata);

/* d->push->work has what it is done with; on_worked() goes on. */
static void begin_work(struct director *d, enum push_work_kind kind)
{
	struct push *p = d->push;
	int r;

	p->work.kind = kind;
	p->work.config = d->options->config;
	p->work.node = d->options->node;
	r = aside_begin(d->loop, push_work_do, &p->work, on_worked, d, &p->aside);
	if (r >= 0)
		return;
	p->work.errors = json_pack("[s]", strerror(-r));
	on_worked(&p->work, d);
}

/* The one that offers */

static void offer_end(struct offer *o)
{
	o->call = NULL;
	o->timeout = sd_event_source_disable_unref(o->timeout);
	free(o->text);
	json_decref(o->failed);
	*o = (struct offer){0};
}

/* Errors of a text name it by the file that it is here. */
static json_t *named_error(const char *config, const char *text)
{
	const char *slash = strrchr(config, '/');
	const char *rest = text + strlen(TEXT_NAME);

	if (strncmp(text, TEXT_NAME, strlen(TEXT_NAME)) != 0)
		return json_string(text);
	if (*rest != '/')
		return json_sprintf("%s%s", config, rest);
	return json_sprintf(
		"%.*s%s", slash ? (int)(slash - config) : 1, slash ? config : ".", rest);
}

static json_t *named(const struct director *d, const json_t *errors)
{
	json_t *array = json_array(), *item;
	size_t i;

	json_array_foreach (errors, i, item)
		if (json_is_string(item))
			(void)json_array_append_new(
				array, named_error(d->options->config, json_string_value(item)));
	return array;
}

/* Takes errors. */
static void fail(struct director *d, const char *node, json_t *errors)
{
	struct offer *o = &d->push->offer;
	const char *first = json_string_value(json_array_get(errors, 0));
	char message[300];

	(void)snprintf(message, sizeof(message), "push: %.64s does not take it: %.180s", node,
		first ? first : "no reason given");
	director_event(d, EVENT_PUSH_FAILED, message, "TANDEM_PEER", peer_name(d), NULL);
	control_error(
		o->call, "PushFailed", json_pack("{s:s, s:o}", "node", node, "errors", errors));
	offer_end(o);
	peer_touch(d);
}

static void succeed(struct director *d)
{
	struct offer *o = &d->push->offer;
	const char *self = self_name(d);
	char message[200];

	(void)snprintf(message, sizeof(message), "push: %.64s has this node's configuration",
		peer_name(d));
	director_event(d, EVENT_PUSHED, message, "TANDEM_PEER", peer_name(d), NULL);
	control_reply(
		o->call, json_pack("{s:[s, s]}", "applied", o->here_first ? self : peer_name(d),
				 o->here_first ? peer_name(d) : self));
	offer_end(o);
	peer_touch(d);
}

/* What could not be applied here is in force there then: both are told. */
static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	static const char gone[] = "it is not heard over the link any more; see its status";
	static const char silent[] = "it did not answer in time; see its status";
	struct director *d = userdata;
	struct offer *o = &d->push->offer;
	json_t *errors;

	(void)source;
	(void)usec;
	if (!o->call)
		return 0;
	errors = json_pack("[s]", o->gone ? gone : silent);
	if (o->failed) {
		(void)json_array_append_new(
			errors, json_sprintf("what %s could not carry out may be in force there",
					self_name(d)));
		(void)json_array_extend(errors, o->failed);
	}
	fail(d, peer_name(d), errors);
	return 0;
}

static void go_to(struct director *d, enum step step)
{
	struct offer *o = &d->push->offer;

	o->step = step;
	(void)sd_event_source_set_time_relative(o->timeout, ANSWER_US);
	(void)sd_event_source_set_enabled(o->timeout, SD_EVENT_ONESHOT);
	peer_touch(d);
}

static void offer_reloaded(struct director *d, const json_t *errors)
{
	struct offer *o = &d->push->offer;

	if (json_array_size(errors) > 0 && !o->here_first) {
		o->failed = json_deep_copy(errors);
		go_to(d, STEP_UNDO);
		return;
	}
	if (json_array_size(errors) > 0) {
		fail(d, self_name(d), json_deep_copy(errors));
		return;
	}
	o->here_done = true;
	if (o->here_first)
		go_to(d, STEP_APPLY);
	else
		succeed(d);
}

/* The peer has so much of it; less than before when it is another process now. */
static void send_next(struct director *d, const json_t *answer)
{
	struct offer *o = &d->push->offer;
	json_int_t at = json_integer_value(json_object_get(answer, "at"));

	if (at < 0 || (uint64_t)at > o->len || (size_t)at == o->at)
		return;
	o->at = (size_t)at;
	go_to(d, o->at == o->len ? STEP_CHECK : STEP_SEND);
}

static void apply_next(struct director *d)
{
	struct offer *o = &d->push->offer;

	if (o->step == STEP_CHECK && !o->here_first)
		go_to(d, STEP_APPLY);
	else if (!o->here_done)
		reload(d, o->may_delete);
	else
		succeed(d);
}

static void hear_answer(struct director *d, const json_t *answer)
{
	struct offer *o = &d->push->offer;
	const json_t *errors = json_object_get(answer, "errors");
	enum step step;

	if (!o->text || d->push->reloading || id_of(answer) != o->id ||
		!step_by_name(text_of(answer, "step"), &step) || step != o->step)
		return;
	if (step == STEP_UNDO)
		fail(d, self_name(d), json_incref(o->failed));
	else if (json_array_size(errors) > 0)
		fail(d, peer_name(d), named(d, errors));
	else if (step == STEP_SEND)
		send_next(d, answer);
	else
		apply_next(d);
}

static bool any_active_there(const struct director *d)
{
	const char *name;
	json_t *router;

	json_object_foreach (json_object_get(d->peer.state, "routers"), name, router) {
		const char *state = text_of(router, "state");
		if (state && strcmp(state, "active") == 0)
			return true;
	}
	return false;
}

static bool any_active_here(const struct director *d)
{
	for (size_t i = 0; i < d->conf->n_routers; i++)
		if (d->roles.active[i])
			return true;
	return false;
}

static void refuse(struct control_call *call, const char *node, json_t *errors)
{
	control_error(call, "PushFailed", json_pack("{s:s, s:o}", "node", node, "errors", errors));
}

static bool is_there(const struct director *d)
{
	return d->peer.alive && d->peer.stream && d->peer.state;
}

/* One at a time, in either direction. */
static bool is_busy(const struct director *d)
{
	return d->push->offer.call || d->push->taking.under_way || d->push->aside ||
	       reload_is_under_way(d) || (is_there(d) && json_object_get(d->peer.state, "push"));
}

void push_request(struct director *d, struct control_call *call, const json_t *parameters)
{
	struct offer *o = &d->push->offer;

	if (!peer_is_wanted(d)) {
		control_error(call, "NoPeer", NULL);
	} else if (is_busy(d)) {
		control_error(call, "Busy", NULL);
	} else if (!is_there(d)) {
		refuse(call, peer_name(d), json_pack("[s]", "it is not heard over the link"));
	} else {
		*o = (struct offer){.call = call,
			.id = drains_now().unix_us,
			.may_delete = json_is_true(json_object_get(parameters, "yes"))};
		begin_work(d, PUSH_READ);
	}
}

/* Our files are read; takes `errors`. */
static void offer_read(struct director *d, json_t *errors)
{
	struct offer *o = &d->push->offer;

	if (errors) {
		refuse(o->call, self_name(d), errors);
		offer_end(o);
		return;
	}
	if (sd_event_add_time(
		    d->loop, &o->timeout, CLOCK_BOOTTIME, UINT64_MAX, 1000, on_timeout, d) < 0) {
		control_error(o->call, "OutOfMemory", NULL);
		offer_end(o);
		return;
	}
	o->text = take_ptr(d->push->work.text);
	o->len = d->push->work.len;
	o->here_first = any_active_there(d) && !any_active_here(d);
	go_to(d, STEP_SEND);
	push_look(d);
}

/* The one that takes */

/* Takes errors. What the peer said meanwhile is looked at afterwards. */
static void answer(struct director *d, json_t *errors)
{
	struct taking *t = &d->push->taking;

	json_decref(t->errors);
	t->errors = errors;
	t->under_way = t->back = false;
	peer_touch(d);
	(void)sd_event_source_set_enabled(d->push->defer, SD_EVENT_ONESHOT);
}

static void forget_text(struct taking *t)
{
	free(t->text);
	t->text = NULL;
	t->have = t->total = 0;
	json_decref(t->files);
	t->files = NULL;
}

static json_t *begin_text(struct taking *t, size_t total)
{
	t->text = malloc(total);
	t->total = t->text ? total : 0;
	return t->text ? NULL : json_pack("[s]", "out of memory");
}

/* NULL, or what is wrong. A piece that is not the next one is answered by what there is. */
static json_t *take_piece(struct taking *t, const json_t *offer)
{
	json_int_t at = json_integer_value(json_object_get(offer, "at"));
	json_int_t total = json_integer_value(json_object_get(offer, "total"));
	const json_t *piece = json_object_get(offer, "piece");
	size_t len = json_string_length(piece);
	json_t *wrong;

	if (total <= 0 || (uint64_t)total > PUSH_FILES_MAX || at < 0 || len == 0)
		return json_pack("[s]", "what came is no piece of a configuration");
	if (t->have == 0 && at > 0)
		return NULL; /* we were started anew */
	if (t->have == 0) {
		wrong = begin_text(t, (size_t)total);
		if (wrong)
			return wrong;
	}
	if (!t->text || (size_t)total != t->total || len > t->total - t->have)
		return json_pack("[s]", "its pieces do not fit together");
	if ((size_t)at == t->have) {
		memcpy(t->text + t->have, json_string_value(piece), len);
		t->have += len;
	}
	return NULL;
}

static void take_send(struct director *d, const json_t *offer)
{
	struct taking *t = &d->push->taking;
	json_t *wrong = take_piece(t, offer);

	if (wrong || !t->text || t->have < t->total) {
		answer(d, wrong ? wrong : json_array());
		return;
	}
	d->push->work.text = take_ptr(t->text);
	d->push->work.len = t->total;
	begin_work(d, PUSH_PARSE);
}

static void take_step(struct director *d, const json_t *offer)
{
	struct taking *t = &d->push->taking;

	if (t->step == STEP_SEND) {
		take_send(d, offer);
	} else if (t->step == STEP_UNDO) {
		begin_work(d, PUSH_WRITE_BACK);
	} else if (!t->files) {
		answer(d, json_pack("[s]", "there is no text"));
	} else {
		d->push->work.files = take_ptr(t->files);
		begin_work(d, t->step == STEP_CHECK ? PUSH_CHECK : PUSH_WRITE);
	}
}

/* Takes errors: NULL when it went well. */
static void taking_worked(struct director *d, json_t *errors)
{
	struct taking *t = &d->push->taking;

	switch (d->push->work.kind) {
	case PUSH_PARSE:
	case PUSH_CHECK:
		t->files = take_ptr(d->push->work.files);
		answer(d, errors ? errors : json_array());
		return;
	case PUSH_WRITE:
	case PUSH_WRITE_BACK:
		break;
	case PUSH_READ:
		assert(false); /* nobody takes by that */
		break;
	}
	if (!errors) {
		reload(d, d->push->work.kind == PUSH_WRITE_BACK || t->may_delete);
	} else if (t->back) {
		(void)json_array_extend(t->errors, errors);
		json_decref(errors);
		answer(d, json_incref(t->errors));
	} else {
		answer(d, errors);
	}
}

/* What was there before is in force again, whatever that said. */
static void taking_reloaded(struct director *d, const json_t *errors)
{
	struct taking *t = &d->push->taking;

	if (t->back) {
		answer(d, json_incref(t->errors));
	} else if (json_array_size(errors) == 0 || t->step == STEP_UNDO) {
		answer(d, json_array());
	} else {
		json_decref(t->errors);
		t->errors = json_deep_copy(errors);
		t->back = true;
		begin_work(d, PUSH_WRITE_BACK);
	}
}

/* The same step of the same offer, and the piece that was taken or found wrong. */
static bool is_known(const struct taking *t, const json_t *offer, enum step step)
{
	json_int_t at = json_integer_value(json_object_get(offer, "at"));

	return id_of(offer) == t->id && step == t->step && t->errors &&
	       (step != STEP_SEND || (size_t)at != t->have || json_array_size(t->errors) > 0);
}

static void hear_offer(struct director *d, const json_t *offer)
{
	struct taking *t = &d->push->taking;
	enum step step;

	if (t->under_way)
		return;
	if (!offer)
		forget_text(t); /* it is over */
	if (!step_by_name(text_of(offer, "step"), &step) || is_known(t, offer, step))
		return;
	if (id_of(offer) != t->id)
		forget_text(t);
	t->id = id_of(offer);
	t->step = step;
	t->may_delete = json_is_true(json_object_get(offer, "may_delete"));
	json_decref(t->errors);
	t->errors = NULL;
	if (d->push->offer.call) { /* or each would end with what the other had */
		answer(d, json_pack("[s]", "it pushes its own configuration at this moment"));
		return;
	}
	t->under_way = true;
	take_step(d, offer);
}

/* Both */

static void on_worked(void *data, void *userdata)
{
	struct director *d = userdata;
	struct push *p = d->push;
	json_t *errors = take_ptr(p->work.errors);

	(void)data;
	p->aside = NULL;
	if (p->taking.under_way)
		taking_worked(d, errors);
	else
		offer_read(d, errors);
	if (!p->aside)
		push_work_done(&p->work);
}

static int on_defer(sd_event_source *source, void *userdata)
{
	struct director *d = userdata;
	json_t *said = take_ptr(d->push->reload_said);

	(void)source;
	if (said && d->push->taking.under_way)
		taking_reloaded(d, said);
	else if (said && d->push->offer.call)
		offer_reloaded(d, said);
	else if (d->peer.state)
		hear_offer(d, json_object_get(d->peer.state, "push"));
	json_decref(said);
	return 0;
}

void push_reloaded(struct director *d, const json_t *errors)
{
	struct push *p = d->push;

	if (!p || !p->reloading)
		return;
	if (p->reload_waits) { /* that was the one before */
		p->reload_waits = false;
		return;
	}
	p->reloading = false;
	json_decref(p->reload_said);
	p->reload_said = json_deep_copy(errors);
	(void)sd_event_source_set_enabled(p->defer, SD_EVENT_ONESHOT);
}

void push_heard(struct director *d)
{
	/* In this order: who is refused because the other one pushes refuses that, too. */
	hear_offer(d, json_object_get(d->peer.state, "push"));
	hear_answer(d, json_object_get(d->peer.state, "pushed"));
}

void push_look(struct director *d)
{
	struct offer *o = &d->push->offer;

	if (!o->text || d->push->reloading || o->gone == !is_there(d))
		return;
	o->gone = !o->gone;
	(void)sd_event_source_set_time_relative(o->timeout, o->gone ? GONE_US : ANSWER_US);
	(void)sd_event_source_set_enabled(o->timeout, SD_EVENT_ONESHOT);
}

static json_t *offer_to_json(const struct offer *o)
{
	size_t left = o->len - o->at;
	json_t *offer = json_pack("{s:I, s:s, s:b}", "id", (json_int_t)o->id, "step",
		step_names[o->step], "may_delete", o->may_delete);

	if (o->step == STEP_SEND)
		(void)json_object_update_new(
			offer, json_pack("{s:I, s:I, s:o}", "at", (json_int_t)o->at, "total",
				       (json_int_t)o->len, "piece",
				       json_stringn(o->text + o->at,
					       left < PIECE_MAX ? left : PIECE_MAX)));
	return offer;
}

void push_to_json(const struct director *d, json_t *state)
{
	const struct taking *t = &d->push->taking;

	if (d->push->offer.text)
		(void)json_object_set_new(state, "push", offer_to_json(&d->push->offer));
	if (t->errors && !t->under_way)
		(void)json_object_set_new(state, "pushed",
			json_pack("{s:I, s:s, s:I, s:O}", "id", (json_int_t)t->id, "step",
				step_names[t->step], "at", (json_int_t)t->have, "errors",
				t->errors));
}

int push_init(struct director *d)
{
	int r;

	d->push = calloc(1, sizeof(*d->push));
	if (!d->push)
		return -ENOMEM;
	r = sd_event_add_defer(d->loop, &d->push->defer, on_defer, d);
	return r < 0 ? r : sd_event_source_set_enabled(d->push->defer, SD_EVENT_OFF);
}

void push_stop(struct director *d)
{
	if (!d->push)
		return;
	aside_cancel(take_ptr(d->push->aside));
	push_work_done(&d->push->work);
	if (d->push->offer.call)
		control_error(d->push->offer.call, "Stopping", NULL);
	offer_end(&d->push->offer);
}

void push_done(struct director *d)
{
	if (!d->push)
		return;
	push_stop(d);
	sd_event_source_disable_unref(d->push->defer);
	json_decref(d->push->reload_said);
	json_decref(d->push->taking.errors);
	forget_text(&d->push->taking);
	free(d->push);
	d->push = NULL;
}
