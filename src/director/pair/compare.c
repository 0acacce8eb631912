/* Where the two configurations differ, found without either sending what it says: the one whose
 * name comes first names a place, both tell the members there by digest, and it goes on into the
 * first member that differs. Each step is one exchange of states. */
#include "director/state.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "conf/outline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of one place, that fit into a state with all the rest. */
#define MEMBERS_TEXT_MAX (512u * 1024u)

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static const char *meaning_there(const struct director *d)
{
	return text_of(json_object_get(d->peer.state, "config"), "digest");
}

static void forget(struct compare *c)
{
	outline_free(c->outline);
	json_decref(c->members);
	free(c->at);
	free(c->path);
	*c = (struct compare){0};
}

/* There is no difference. The outline of a configuration that is still in force stays: reading it
 * takes a while, and the peer may be another one as often as it says so. */
static void forget_difference(struct director *d)
{
	struct compare *c = &d->compare, kept = {0};

	if (strcmp(c->meaning, d->conf->meaning) == 0) {
		memcpy(kept.meaning, c->meaning, sizeof(kept.meaning));
		kept.outline = take_ptr(c->outline);
	}
	forget(c);
	*c = kept;
}

void compare_done(struct director *d)
{
	forget(&d->compare);
}

static bool is_leader(const struct director *d)
{
	return d->conf->self < peer_index(d->conf);
}

/* Members at a place; none when they cannot be told. */
static void go_to(struct compare *c, char *at)
{
	json_t *members =
		at && c->outline ? outline_members(outline_at(c->outline->root, at)) : NULL;
	auto_free char *text = members ? json_dumps(members, JSON_COMPACT) : NULL;

	free(c->at);
	c->at = at;
	json_decref(c->members);
	c->members = NULL;
	if (text && strlen(text) <= MEMBERS_TEXT_MAX)
		c->members = json_incref(members);
	json_decref(members);
}

/* Of the configuration in force; NULL: the file is another one by now. */
static struct outline *read_outline(const struct director *d)
{
	struct outline *outline = outline_read(d->options->config);
	char meaning[OUTLINE_DIGEST_LEN];

	if (outline && outline_digest(outline->root, meaning) &&
		strcmp(meaning, d->conf->meaning) == 0)
		return outline;
	outline_free(outline);
	return NULL;
}

/* Ours is read once, however often the peer's is another one. */
static void begin(struct director *d)
{
	struct compare *c = &d->compare;
	bool same = strcmp(c->meaning, d->conf->meaning) == 0;
	struct outline *outline = same && c->outline ? take_ptr(c->outline) : read_outline(d);

	forget(c);
	(void)snprintf(c->meaning, sizeof(c->meaning), "%s", d->conf->meaning);
	c->outline = outline;
	go_to(c, c->outline ? strdup("") : NULL);
}

static void tell_difference(struct director *d)
{
	char message[400];

	(void)snprintf(message, sizeof(message),
		"the configuration of %.64s is another one, from %.200s on", peer_name(d),
		*d->compare.path ? d->compare.path : "the root");
	director_event(d, EVENT_CONFIG_DIFFERS, message, "TANDEM_PEER", peer_name(d), "TANDEM_PATH",
		d->compare.path, NULL);
}

static void found(struct director *d, const char *path)
{
	struct compare *c = &d->compare;

	if (c->path && strcmp(c->path, path) == 0)
		return;
	free(c->path);
	c->path = strdup(path);
	if (c->path)
		tell_difference(d);
}

/* What the peer says about the place where we are, if it is about these two configurations. */
static const json_t *theirs(const struct director *d)
{
	const json_t *compare = json_object_get(d->peer.state, "compare");
	const char *against = text_of(compare, "against");

	return against && strcmp(against, d->conf->meaning) == 0 ? compare : NULL;
}

/* One step further: the difference is here, in a member, or somewhere below it. */
static void step(struct director *d, const json_t *there)
{
	struct compare *c = &d->compare;
	const json_t *members = json_object_get(there, "members");
	const char *name;
	bool deeper = false;

	if (!c->members || !json_is_object(members)) {
		found(d, c->at ? c->at : "");
		return;
	}
	name = outline_difference(c->members, members, &deeper);
	if (!name) { /* what is left is in the order of things, or was not told */
		found(d, c->at);
	} else {
		auto_free char *at = outline_member(c->at, name);

		if (at && deeper)
			go_to(c, take_ptr(at));
		else if (at)
			found(d, at);
	}
	peer_touch(d);
}

static void lead(struct director *d, const json_t *there)
{
	const struct compare *c = &d->compare;
	const char *at = text_of(there, "at");

	if (!c->path && at && strcmp(at, c->at ? c->at : "") == 0)
		step(d, there);
}

static void follow(struct director *d, const json_t *there)
{
	struct compare *c = &d->compare;
	const char *at = text_of(there, "at"), *path = text_of(there, "path");

	if (path)
		found(d, path);
	if (!at || (c->at && strcmp(c->at, at) == 0) || !c->outline)
		return;
	go_to(c, strdup(at));
	peer_touch(d);
}

static void equal(struct director *d)
{
	if (d->peer.differs)
		director_event(d, EVENT_CONFIG_EQUAL,
			"both directors have the same configuration again", "TANDEM_PEER",
			peer_name(d), NULL);
	d->peer.differs = false;
	forget_difference(d);
}

void compare_heard(struct director *d)
{
	const char *meaning = meaning_there(d);
	const json_t *there;

	if (!meaning) {
		d->peer.differs = false;
		forget_difference(d);
		return;
	}
	if (strcmp(meaning, d->conf->meaning) == 0) {
		equal(d);
		return;
	}
	if (!d->peer.differs || strcmp(d->compare.meaning, d->conf->meaning) != 0 ||
		strcmp(d->compare.against, meaning) != 0) {
		begin(d);
		(void)text_line(d->compare.against, sizeof(d->compare.against), meaning);
		d->peer.differs = true;
		peer_touch(d);
	}
	there = theirs(d);
	if (there && is_leader(d))
		lead(d, there);
	else if (there)
		follow(d, there);
}

void compare_to_json(const struct director *d, json_t *state)
{
	const struct compare *c = &d->compare;
	json_t *o;

	if (!d->peer.differs)
		return;
	o = json_pack("{s:s, s:s, s:O*, s:s*}", "against", c->against, "at", c->at ? c->at : "",
		"members", c->members, "path", is_leader(d) ? c->path : NULL);
	(void)json_object_set_new(state, "compare", o);
}

json_t *compare_path(const struct director *d)
{
	return d->peer.differs && d->compare.path ? json_string(d->compare.path) : json_null();
}
