/* Loading: read all sources, build the model, resolve its relations; then it is good as a whole or
 * its faults are the answer. */
#include "conf/conf.h"
#include "base/cleanup.h"
#include "conf/alloc.h"
#include "conf/build.h"
#include "conf/outline.h"
#include "conf/relations.h"
#include "conf/rules.h"
#include "conf/secrets.h"

#include <limits.h>
#include <pthread.h>
#include <unistd.h>

#define DIGEST_ASIDE_MIN ((size_t)256 << 10) /* less is done before a thread is there */

/* The name that the configuration's nodes are compared with. Release with free(). */
static char *own_name(const char *node)
{
	char host[HOST_NAME_MAX + 1] = "";

	if (node)
		return conf_dup(node);
	if (gethostname(host, sizeof(host)) < 0)
		host[0] = '\0';
	host[sizeof(host) - 1] = '\0';
	return conf_dup(host);
}

/* The digest of what was read, which takes a fifth of the time where the processor has no
 * instructions for it: beside everything else, because nothing else needs it. */
struct digesting {
	const struct sources *sources;
	char *ret;
	pthread_t thread;
	bool is_aside;
};

static void *digest_sources(void *userdata)
{
	const struct digesting *d = userdata;

	sources_digest(d->sources, d->ret);
	return NULL;
}

/* `d` stays where it is until digest_end(), and so do the sources. */
static void digest_begin(struct digesting *d, const struct sources *sources, char *ret)
{
	*d = (struct digesting){.sources = sources, .ret = ret};
	d->is_aside = sources_len(sources) >= DIGEST_ASIDE_MIN &&
		      pthread_create(&d->thread, NULL, digest_sources, d) == 0;
}

static void digest_end(struct digesting *d)
{
	if (d->is_aside)
		(void)pthread_join(d->thread, NULL);
	else
		(void)digest_sources(d);
}

/* Of one of a pair: before anything is filled in where it was left out. */
static void digest_meaning(struct conf *c, const struct sources *sources)
{
	struct tree tree = {0};
	const struct value *outline = outline_of(sources, &tree);

	if (value_get(outline, root_keys.items[ROOT_LINK].name) &&
		!outline_digest(outline, c->meaning))
		abort();
	tree_done(&tree);
}

static char **list_files(const struct sources *sources)
{
	char **files = conf_alloc(sources->n + 1, sizeof(*files));

	for (size_t i = 0; i < sources->n; i++)
		files[i] = source_plain_path(sources->items[i]->path);
	return files;
}

/* Takes what sources and faults hold. `name`: of the node that this host is; NULL: it may be none.
 */
static struct conf *finish(struct sources *sources, struct faults *faults, const char *name,
	struct conf_errors *ret_errors)
{
	struct conf *c = conf_alloc(1, sizeof(*c));
	struct origins origins = {0};
	struct faults warnings = {0};
	struct digesting digesting;

	digest_begin(&digesting, sources, c->digest);
	digest_meaning(c, sources);
	build_conf(sources, faults, c, &origins);
	relations_resolve(c, &origins, name, faults, &warnings);
	origins_done(&origins);
	faults_take(&warnings, &c->warnings);
	faults_take(faults, ret_errors);
	digest_end(&digesting);
	if (ret_errors->n == 0)
		c->files = list_files(sources);
	sources_done(sources);
	if (ret_errors->n == 0)
		return c;
	conf_free(c);
	return NULL;
}

struct conf *conf_load(const char *path, const char *node, struct conf_errors *ret_errors)
{
	auto_free char *name = own_name(node);
	struct sources sources = {0};
	struct faults faults = {0};

	sources_read(&sources, path, &faults);
	return finish(&sources, &faults, name, ret_errors);
}

struct conf *conf_load_texts(const char *path, const struct conf_text *texts, size_t n,
	const char *node, struct conf_errors *ret_errors)
{
	auto_free char *name = own_name(node);
	struct sources sources = {.texts = texts, .n_texts = n};
	struct faults faults = {0};

	sources_read(&sources, path, &faults);
	return finish(&sources, &faults, name, ret_errors);
}

struct conf *conf_load_elsewhere(const char *path, struct conf_errors *ret_errors)
{
	auto_free char *name = own_name(NULL);
	struct conf *c;
	struct sources sources = {0};
	struct faults faults = {0};

	sources_read(&sources, path, &faults);
	c = finish(&sources, &faults, NULL, ret_errors);
	if (c)
		c->self = rules_find_node(c, name);
	return c;
}

struct conf *conf_load_text(
	const char *text, size_t len, const char *node, struct conf_errors *ret_errors)
{
	auto_free char *name = own_name(node);
	struct sources sources = {0};
	struct faults faults = {0};

	sources_read_text(&sources, text, len, &faults);
	return finish(&sources, &faults, name, ret_errors);
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	secrets_forget(c);
	conf_errors_done(&c->warnings);
	for (size_t i = 0; c->files && c->files[i]; i++)
		free(c->files[i]);
	free(c->files);
	keys_free(&root_keys, c);
	free(c->services);
	free(c);
}

const char *conf_forward_name(enum conf_forward forward)
{
	switch (forward) {
	case CONF_FORWARD_NAT:
		return "nat";
	case CONF_FORWARD_TUNNEL:
		return "tunnel";
	case CONF_FORWARD_DIRECT:
		return "direct";
	case CONF_FORWARD_FULLNAT:
		return "fullnat";
	}
	return "unknown";
}

void conf_errors_done(struct conf_errors *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->items[i].file);
		free(e->items[i].pointer);
		free(e->items[i].text);
	}
	free(e->items);
	*e = (struct conf_errors){0};
}

const char *conf_error_format(const struct conf_error *e, char *buf, size_t size)
{
	const char *colon = e->pointer[0] ? ": " : "";

	if (e->line)
		(void)snprintf(buf, size, "%s:%u:%u: %s%s%s", e->file, e->line, e->column,
			e->pointer, colon, e->text);
	else
		(void)snprintf(buf, size, "%s: %s%s%s", e->file, e->pointer, colon, e->text);
	return buf;
}
