/* tandemctl push: the files of this node's configuration are offered to the peer. What each wants
 * of the other stands in its state, so that a broken stream or a restart loses nothing: the one
 * that offers says which step it is at, the one that takes says how that step went. They are sent
 * piece by piece, each when the one before has come. It checks them against its own host; then it
 * is applied by the one that serves nobody, then by the other. What cannot be carried out is taken
 * back, file and all. */
#include "director/state.h"

#include "base/cleanup.h"
#include "director/push_files.h"
#include "io/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PIECE_MAX (192u * 1024u) /* bytes of a piece: it travels in a state */
#define ANSWER_US UINT64_C(60000000)
#define SET_SUFFIX "-set"
#define GONE_US UINT64_C(15000000) /* a peer that is not heard: it may be busy, or restarted */
#define PREVIOUS ".previous"       /* what the file was called before */
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
	char *text;     /* push_files_read() */
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
	json_t *files;  /* when all has come */
	bool under_way; /* its answer is yet to come */
	bool back;      /* it failed, and what was there before is being put back */
	json_t *errors; /* the answer: empty when it went well */
};

struct push {
	struct offer offer;
	struct taking taking;
	bool reloading;      /* on behalf of one of them */
	json_t *reload_said; /* errors of the reload that has just ended */
	sd_event_source *defer;
};

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

/* A reload on behalf of a push; on_reloaded() goes on. */
static void reload(struct director *d, bool may_delete)
{
	d->push->reloading = true;
	reload_request(d, NULL, may_delete);
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
	char message[300];

	(void)snprintf(message, sizeof(message), "push: %.64s does not take it: %.180s", node,
		json_string_value(json_array_get(errors, 0)));
	director_event(d, EVENT_PUSH_FAILED, message, "TANDEM_PEER", peer_name(d), NULL);
	control_error(
		o->call, "PushFailed", json_pack("{s:s, s:o}", "node", node, "errors", errors));
	offer_end(o);
	peer_touch(d);
}

static void succeed(struct director *d)
{
	struct offer *o = &d->push->offer;
	const char *self = d->conf->nodes[d->conf->self].name;
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

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	static const char gone[] = "it is not heard over the link any more; see its status";
	static const char silent[] = "it did not answer in time; see its status";
	struct director *d = userdata;

	(void)source;
	(void)usec;
	if (d->push->offer.call)
		fail(d, peer_name(d), json_pack("[s]", d->push->offer.gone ? gone : silent));
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
		fail(d, d->conf->nodes[d->conf->self].name, json_deep_copy(errors));
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

	if (!o->call || d->push->reloading || id_of(answer) != o->id ||
		!step_by_name(text_of(answer, "step"), &step) || step != o->step)
		return;
	if (step == STEP_UNDO)
		fail(d, d->conf->nodes[d->conf->self].name, json_incref(o->failed));
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

void push_request(struct director *d, struct control_call *call, const json_t *parameters)
{
	struct offer *o = &d->push->offer;
	json_t *errors = NULL;
	char *text;

	if (!peer_is_wanted(d)) {
		control_error(call, "NoPeer", NULL);
		return;
	}
	if (o->call || d->push->taking.under_way || reload_is_under_way(d)) {
		control_error(call, "Busy", NULL);
		return;
	}
	if (!is_there(d)) {
		refuse(call, peer_name(d), json_pack("[s]", "it is not heard over the link"));
		return;
	}
	text = push_files_read(d->options->config, d->options->node, &errors);
	if (!text) {
		refuse(call, d->conf->nodes[d->conf->self].name, errors);
		return;
	}
	*o = (struct offer){.call = call,
		.id = drains_now().unix_us,
		.text = text,
		.len = strlen(text),
		.may_delete = json_is_true(json_object_get(parameters, "yes")),
		.here_first = any_active_there(d) && !any_active_here(d)};
	if (sd_event_add_time(
		    d->loop, &o->timeout, CLOCK_BOOTTIME, UINT64_MAX, 1000, on_timeout, d) < 0) {
		control_error(call, "OutOfMemory", NULL);
		offer_end(o);
		return;
	}
	go_to(d, STEP_SEND);
}

/* The one that takes */

static void answer(struct director *d, json_t *errors)
{
	struct taking *t = &d->push->taking;

	json_decref(t->errors);
	t->errors = errors;
	t->under_way = t->back = false;
	peer_touch(d);
}

/* Beside the configuration: what was there before, of the main file as it was, and of all. */
static char *previous_path(const struct director *d, const char *suffix)
{
	char *path;

	return asprintf(&path, "%s" PREVIOUS "%s", d->options->config, suffix) < 0 ? NULL : path;
}

static bool is_there_already(const json_t *before, const json_t *files)
{
	return json_equal((json_t *)(uintptr_t)before, (json_t *)(uintptr_t)files);
}

/* As private as the configuration is: NULL, or what went wrong. */
static json_t *keep(const struct director *d, const char *suffix, const char *text)
{
	auto_free char *path = previous_path(d, suffix);
	struct stat st;
	mode_t mode = stat(d->options->config, &st) < 0 ? 0600 : st.st_mode & 0777;
	int r = path && text ? file_replace(path, text) : -ENOMEM;

	if (r >= 0 && chmod(path, mode) < 0)
		r = -errno;
	return r < 0 ? json_pack("[o]", json_sprintf("%s: %s", path ? path : "", strerror(-r)))
		     : NULL;
}

static json_t *keep_all(const struct director *d, const json_t *before)
{
	const char *main_text = text_of(before, "");
	size_t len = main_text ? strlen(main_text) : 0;
	auto_free char *all = json_dumps(before, JSON_COMPACT | JSON_SORT_KEYS);
	auto_free char *one = strndup(
		main_text ? main_text : "", len > 0 && main_text[len - 1] == '\n' ? len - 1 : len);
	json_t *wrong = keep(d, SET_SUFFIX, all);

	return wrong || !main_text ? wrong : keep(d, "", one);
}

/* What is written already is not kept as what was there before. */
static json_t *write_pushed(const struct director *d, const json_t *pushed)
{
	json_auto_t *files = push_files_complete(d->options->config, d->options->node, pushed);
	json_auto_t *before = NULL;
	json_t *wrong = NULL;

	if (!files)
		return json_pack("[s]", "out of memory");
	before = push_files_before(d->options->config, files, &wrong);
	if (!before || is_there_already(before, files))
		return wrong;
	wrong = keep_all(d, before);
	return wrong ? wrong : push_files_write(d->options->config, files);
}

static json_t *write_previous(const struct director *d)
{
	auto_free char *path = previous_path(d, SET_SUFFIX);
	json_auto_t *before = path ? json_load_file(path, JSON_REJECT_DUPLICATES, NULL) : NULL;

	if (!json_is_object(before))
		return json_pack("[s]", "what was there before cannot be read");
	return push_files_write(d->options->config, before);
}

static void forget_text(struct taking *t)
{
	free(t->text);
	t->text = NULL;
	t->have = t->total = 0;
}

/* NULL, or what is wrong. A piece that is not the next one is answered by what there is. */
static json_t *take_piece(struct taking *t, const json_t *offer)
{
	json_int_t at = json_integer_value(json_object_get(offer, "at"));
	json_int_t total = json_integer_value(json_object_get(offer, "total"));
	const json_t *piece = json_object_get(offer, "piece");
	size_t len = json_string_length(piece);
	json_t *wrong = NULL;

	if (total <= 0 || (uint64_t)total > PUSH_FILES_MAX || !json_is_string(piece))
		return json_pack("[s]", "what came is no piece of a configuration");
	if (at == 0 && t->have == 0) {
		t->text = malloc((size_t)total);
		t->total = t->text ? (size_t)total : 0;
	}
	if (!t->text || (size_t)total != t->total || len > t->total - t->have)
		return t->have > 0 ? json_pack("[s]", "its pieces do not fit together") : NULL;
	if (at < 0 || (size_t)at != t->have)
		return NULL;
	memcpy(t->text + t->have, json_string_value(piece), len);
	t->have += len;
	if (t->have < t->total)
		return NULL;
	json_decref(t->files);
	t->files = push_files_parse(t->text, t->total, &wrong);
	return wrong;
}

static void take_step(struct director *d, const json_t *offer)
{
	struct taking *t = &d->push->taking;
	json_t *wrong;

	if (t->step == STEP_SEND) {
		wrong = take_piece(t, offer);
		answer(d, wrong ? wrong : json_array());
	} else if (t->step != STEP_UNDO && !t->files) {
		answer(d, json_pack("[s]", "there is no text"));
	} else if (t->step == STEP_CHECK) {
		answer(d, push_files_check(d->options->config, d->options->node, t->files));
	} else {
		wrong = t->step == STEP_APPLY ? write_pushed(d, t->files) : write_previous(d);
		if (wrong)
			answer(d, wrong);
		else
			reload(d, t->step == STEP_UNDO ||
					  json_is_true(json_object_get(offer, "may_delete")));
	}
}

static void carry_out(struct director *d, const json_t *offer)
{
	d->push->taking.under_way = true;
	take_step(d, offer);
}

/* What was there before is in force again, whatever that said. */
static void taking_reloaded(struct director *d, const json_t *errors)
{
	struct taking *t = &d->push->taking;
	json_t *wrong;

	if (t->back) {
		answer(d, json_incref(t->errors));
		return;
	}
	if (json_array_size(errors) == 0 || t->step == STEP_UNDO) {
		answer(d, json_array());
		return;
	}
	json_decref(t->errors);
	t->errors = json_deep_copy(errors);
	t->back = true;
	wrong = write_previous(d);
	if (wrong) {
		(void)json_array_extend(t->errors, wrong);
		json_decref(wrong);
		answer(d, json_incref(t->errors));
		return;
	}
	reload(d, true);
}

/* The same step of the same offer, and the piece that was taken. */
static bool is_known(const struct taking *t, const json_t *offer, enum step step)
{
	json_int_t at = json_integer_value(json_object_get(offer, "at"));

	return id_of(offer) == t->id && step == t->step && t->errors &&
	       (step != STEP_SEND || (size_t)at != t->have);
}

static void hear_offer(struct director *d, const json_t *offer)
{
	struct taking *t = &d->push->taking;
	enum step step;

	if (!step_by_name(text_of(offer, "step"), &step) || t->under_way ||
		is_known(t, offer, step))
		return;
	if (id_of(offer) != t->id) {
		forget_text(t);
		json_decref(t->files);
		t->files = NULL;
	}
	t->id = id_of(offer);
	t->step = step;
	json_decref(t->errors);
	t->errors = NULL;
	carry_out(d, offer);
}

/* Both */

static int on_defer(sd_event_source *source, void *userdata)
{
	struct director *d = userdata;
	json_t *said = d->push->reload_said;

	(void)source;
	d->push->reload_said = NULL;
	if (d->push->taking.under_way)
		taking_reloaded(d, said);
	else if (d->push->offer.call)
		offer_reloaded(d, said);
	json_decref(said);
	return 0;
}

void push_reloaded(struct director *d, const json_t *errors)
{
	struct push *p = d->push;

	if (!p || !p->reloading)
		return;
	p->reloading = false;
	json_decref(p->reload_said);
	p->reload_said = json_deep_copy(errors);
	(void)sd_event_source_set_enabled(p->defer, SD_EVENT_ONESHOT);
}

void push_heard(struct director *d)
{
	hear_answer(d, json_object_get(d->peer.state, "pushed"));
	hear_offer(d, json_object_get(d->peer.state, "push"));
}

void push_look(struct director *d)
{
	struct offer *o = &d->push->offer;

	if (!o->call || d->push->reloading || o->gone == !is_there(d))
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

	if (d->push->offer.call)
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
	if (d->push && d->push->offer.call) {
		control_error(d->push->offer.call, "Stopping", NULL);
		offer_end(&d->push->offer);
	}
}

void push_done(struct director *d)
{
	if (!d->push)
		return;
	push_stop(d);
	sd_event_source_disable_unref(d->push->defer);
	json_decref(d->push->reload_said);
	json_decref(d->push->taking.errors);
	json_decref(d->push->taking.files);
	forget_text(&d->push->taking);
	free(d->push);
	d->push = NULL;
}
