/* Sources. Files are read in the order in which they are named: a file, then what it includes. */
#include "conf/source.h"
#include "base/cleanup.h"
#include "conf/alloc.h"
#include "conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <openssl/evp.h>
#include <sys/stat.h>

/* --- Files --- */

static struct source *add_source(struct sources *s, const char *path, const struct source *by)
{
	struct source *source = conf_alloc(1, sizeof(*source));

	source->path = conf_dup(path);
	source->places = conf_alloc(1, sizeof(*source->places));
	source->tree = conf_alloc(1, sizeof(*source->tree));
	source->order = s->n;
	source->by = by;
	source->depth = by ? by->depth + 1 : 0;
	s->items = conf_grow(s->items, s->n, &s->size, sizeof(*s->items));
	s->items[s->n++] = source;
	return source;
}

/* Returns 0 or -errno; -EFBIG when the file is longer than SOURCE_LEN_MAX. */
static int read_all(int fd, char **ret_text, size_t *ret_len)
{
	auto_free char *text = NULL;
	size_t len = 0, size = 0;
	ssize_t got;

	do {
		if (len == SOURCE_LEN_MAX)
			return -EFBIG;
		text = conf_grow(text, len, &size, 1);
		got = read(fd, text + len, size - len);
		if (got < 0 && errno != EINTR)
			return -errno;
		len += got > 0 ? (size_t)got : 0;
	} while (got != 0);
	*ret_text = take_ptr(text);
	*ret_len = len;
	return 0;
}

char *source_plain_path(const char *path)
{
	char *plain = conf_dup(path), *to = plain;

	for (const char *c = path; *c;) {
		bool begins = to == plain || to[-1] == '/';

		if (begins && c[0] == '.' && c[1] == '/')
			c += 2;
		else if (to != plain && begins && c[0] == '/')
			c++;
		else
			*to++ = *c++;
	}
	*to = '\0';
	return plain;
}

static const struct conf_text *find_text(const struct sources *s, const char *path)
{
	auto_free char *plain = source_plain_path(path);

	for (size_t i = 0; i < s->n_texts; i++)
		if (strcmp(s->texts[i].path, plain) == 0)
			return &s->texts[i];
	return NULL;
}

static char *take_text(const struct sources *s, struct source *source)
{
	const struct conf_text *text = find_text(s, source->path);
	size_t len = text ? strlen(text->text) : 0;

	if (!text)
		return conf_printf("is not among the files of this configuration");
	if (len > SOURCE_LEN_MAX)
		return conf_printf("is longer than %zu MiB", SOURCE_LEN_MAX >> 20);
	source->text = conf_alloc(len + 1, 1);
	memcpy(source->text, text->text, len);
	source->inode = (uint64_t)(text - s->texts) + 1; /* each is one file */
	places_init(source->places, source->text, len);
	return NULL;
}

/* Returns NULL, or why the file cannot be used, as a text to release with free(). */
static char *read_file(const struct sources *s, struct source *source)
{
	struct stat st;
	size_t len = 0;
	int error;
	/* O_NONBLOCK: a FIFO must not keep a reload waiting. */
	auto_close int fd = -1;

	if (s->texts)
		return take_text(s, source);
	fd = open(source->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return conf_printf("cannot be opened: %s", strerror(errno));
	if (S_ISDIR(st.st_mode))
		return conf_printf("is a directory");
	if (!S_ISREG(st.st_mode))
		return conf_printf("is not a regular file");
	error = read_all(fd, &source->text, &len);
	if (error == -EFBIG)
		return conf_printf("is longer than %zu MiB", SOURCE_LEN_MAX >> 20);
	if (error < 0)
		return conf_printf("cannot be read: %s", strerror(-error));
	source->device = st.st_dev;
	source->inode = st.st_ino;
	places_init(source->places, source->text, len);
	return NULL;
}

/* --- JSON --- */

static const char byte_order_mark[] = "\xef\xbb\xbf";

static bool begins_with(const struct places *p, size_t at, const char *text)
{
	return p->len - at >= strlen(text) && memcmp(p->text + at, text, strlen(text)) == 0;
}

/* The last character before `at` that is no space; '\0': there is none. */
static char before(const struct places *p, size_t at)
{
	while (at > 0 && strchr(" \t\r\n", p->text[at - 1]))
		at--;
	return at > 0 ? p->text[at - 1] : '\0';
}

/* What people who know other formats get wrong in this one. */
static const char *syntax_hint(const struct places *p, size_t at)
{
	const char last = before(p, at), c = at < p->len ? p->text[at] : '\0';

	if (begins_with(p, at, "//") || begins_with(p, at, "/*") || c == '#')
		return "; JSON has no comments, but a \"$comment\" may be in every object";
	if (c == '\'')
		return "; texts are in double quotes";
	if ((c == '}' || c == ']') && last == ',')
		return "; the comma before it is too many";
	if (c == '"' && last && !strchr(",:[{", last))
		return "; is a comma missing before it?";
	return "";
}

static char *syntax_text(const struct places *p, const json_error_t *error, size_t at)
{
	if (begins_with(p, 0, byte_order_mark))
		return conf_dup("not JSON: begins with a byte order mark: save it without one");
	if (!before(p, p->len))
		return conf_dup("not JSON: the file is empty");
	return conf_printf("not JSON: %s%s", error->text, syntax_hint(p, at));
}

static void report_syntax(
	const struct source *source, const json_error_t *error, struct faults *faults)
{
	const struct places *p = source->places;
	size_t read = error->position > 0 ? (size_t)error->position : 0;
	size_t at = place_token_before(p->text, p->len, read);

	/* jansson tells where it stopped; an operator looks for where the mistake begins. */
	if (json_error_code(error) == json_error_premature_end_of_input)
		at = p->len;
	fault_add_at(faults, source, at, conf_dup(""), syntax_text(p, error, at));
}

static void report_duplicates(const struct source *source, struct faults *faults)
{
	struct places *p = source->places;

	for (size_t i = 0; i < p->n_duplicates; i++) {
		const struct place *first = &p->items[p->duplicates[i].first];
		uint32_t again = p->duplicates[i].again;
		auto_free char *name = fault_quote(first->name);
		unsigned line, column;

		places_line_column(p, first->key, &line, &column);
		fault_add_at(faults, source, p->items[again].key, place_pointer(p, again),
			conf_printf("duplicate key %s; the first is at %u:%u", name, line, column));
	}
}

/* A large file is good, as a rule, and needs no places then; what is wrong is found out slowly. */
static struct value *parse_text(struct source *source, struct faults *faults)
{
	struct places *p = source->places;
	struct value *root = tree_parse(source->tree, p->text, p->len);
	json_auto_t *json = NULL;
	json_error_t error;

	if (root) {
		p->is_json = true;
		return root;
	}
	json = json_loadb(p->text, p->len, JSON_DECODE_ANY, &error);
	if (!json) {
		report_syntax(source, &error, faults);
		return NULL;
	}
	places_scan(p);
	report_duplicates(source, faults);
	return tree_of_json(source->tree, json);
}

static void parse_source(struct source *source, struct faults *faults)
{
	const struct places *p = source->places;
	const char *nul = memchr(p->text, '\0', p->len);
	struct value *root;

	if (nul) {
		fault_add_at(faults, source, (size_t)(nul - p->text), conf_dup(""),
			conf_dup("not JSON: a NUL byte"));
		return;
	}
	root = parse_text(source, faults);
	if (value_is(root, VALUE_OBJECT))
		source->root = root;
	else if (root)
		fault_add(faults, source, &(struct path){0}, FAULT_AT_VALUE,
			"a configuration is an object, in braces");
}

/* --- Include --- */

static void read_source(struct sources *s, struct source *source, struct faults *faults);

static bool same_file(const struct source *a, const struct source *b)
{
	return a->device == b->device && a->inode == b->inode;
}

/* NULL when `source` is no file that was read before. */
static const struct source *read_before(const struct sources *s, const struct source *source)
{
	for (size_t i = 0; source->inode && i < source->order; i++)
		if (same_file(s->items[i], source))
			return s->items[i];
	return NULL;
}

static bool is_included_by(const struct source *source, const struct source *other)
{
	for (; source; source = source->by)
		if (source == other)
			return true;
	return false;
}

static void report_include(struct sources *s, const struct source *by, const struct path *at,
	struct faults *faults, char *text)
{
	s->incomplete = true;
	fault_add(faults, by, at, FAULT_AT_VALUE, "%s", text);
	free(text);
}

/* A file that was read before is not read again: it would define everything twice. */
static void include_new(
	struct sources *s, struct source *source, const struct path *at, struct faults *faults)
{
	const struct source *before = read_before(s, source);

	if (!before)
		read_source(s, source, faults);
	else if (is_included_by(source->by, before))
		fault_add(faults, source->by, at, FAULT_AT_VALUE,
			"%s includes itself by way of this file", before->path);
	else
		fault_add(faults, source->by, at, FAULT_AT_VALUE, "%s is included twice",
			before->path);
}

static void include_file(struct sources *s, const struct source *by, const char *path,
	const struct path *at, struct faults *faults)
{
	auto_free char *why = NULL;
	struct source *source;

	if (by->depth == SOURCE_DEPTH_MAX) {
		report_include(s, by, at, faults,
			conf_printf("includes are nested deeper than %d files", SOURCE_DEPTH_MAX));
		return;
	}
	if (s->n == SOURCE_FILES_MAX) {
		report_include(
			s, by, at, faults, conf_printf("more than %d files", SOURCE_FILES_MAX));
		return;
	}
	source = add_source(s, path, by);
	why = read_file(s, source);
	if (why)
		report_include(s, by, at, faults, conf_printf("%s %s", path, why));
	else
		include_new(s, source, at, faults);
}

static bool is_pattern(const char *path)
{
	return strpbrk(path, "*?[") != NULL;
}

/* The path, or pattern, relative to the directory of the file that includes. In a pattern the
 * characters of that directory stand for themselves. */
static char *resolve(const struct source *by, const char *path)
{
	const char *slash = path[0] == '/' ? NULL : strrchr(by->path, '/');
	char *resolved = NULL;
	size_t len;
	FILE *out = open_memstream(&resolved, &len);

	if (!out)
		abort();
	for (const char *c = by->path; slash && c <= slash; c++) {
		if (is_pattern(path) && strchr("*?[\\", *c))
			(void)fputc('\\', out);
		(void)fputc(*c, out);
	}
	(void)fputs(path, out);
	if (fclose(out) != 0)
		abort();
	return resolved;
}

/* A directory that is not there holds no match; one that cannot be read may hold some. */
static int stop_glob(const char *path, int error)
{
	(void)path;
	return error != ENOENT && error != ENOTDIR;
}

/* They are in the order of their names. */
static void include_texts(struct sources *s, const struct source *by, const char *pattern,
	const struct path *at, struct faults *faults)
{
	auto_free char *plain = source_plain_path(pattern);

	for (size_t i = 0; i < s->n_texts; i++)
		if (fnmatch(plain, s->texts[i].path, FNM_PATHNAME | FNM_PERIOD) == 0)
			include_file(s, by, s->texts[i].path, at, faults);
}

static void include_pattern(struct sources *s, const struct source *by, const char *pattern,
	const struct path *at, struct faults *faults)
{
	auto_free char *resolved = resolve(by, pattern);
	glob_t found;

	if (!is_pattern(pattern)) {
		include_file(s, by, resolved, at, faults);
		return;
	}
	if (s->texts) {
		include_texts(s, by, resolved, at, faults);
		return;
	}
	switch (glob(resolved, 0, stop_glob, &found)) {
	case 0:
		for (size_t i = 0; i < found.gl_pathc; i++)
			include_file(s, by, found.gl_pathv[i], at, faults);
		break;
	case GLOB_NOMATCH:
		break;
	default:
		report_include(s, by, at, faults,
			conf_printf("cannot read the directory of %s", resolved));
	}
	globfree(&found);
}

static void include_all(struct sources *s, const struct source *by, struct faults *faults)
{
	const struct path root = {0}, include = {&root, "include", 0};
	const struct value *value = value_get(by->root, "include");
	size_t i = 0;

	if (value_is(value, VALUE_TEXT))
		include_pattern(s, by, value_text(value), &include, faults);
	for (const struct value *item = value_elements(value); item; item = item->next) {
		struct path at = {&include, NULL, i++};
		if (value_is(item, VALUE_TEXT))
			include_pattern(s, by, value_text(item), &at, faults);
	}
}

static void read_source(struct sources *s, struct source *source, struct faults *faults)
{
	parse_source(source, faults);
	if (source->root)
		include_all(s, source, faults);
	else
		s->incomplete = true;
}

/* --- The whole --- */

void sources_read(struct sources *s, const char *path, struct faults *faults)
{
	struct source *source = add_source(s, path, NULL);
	char *why = read_file(s, source);

	if (!why) {
		read_source(s, source, faults);
		return;
	}
	s->incomplete = true;
	fault_add_at(faults, source, FAULT_WHOLE_FILE, conf_dup(""), why);
}

void sources_read_text(struct sources *s, const char *text, size_t len, struct faults *faults)
{
	struct source *source = add_source(s, "<text>", NULL);

	source->text = conf_alloc(len, 1);
	if (len)
		memcpy(source->text, text, len);
	places_init(source->places, source->text, len);
	parse_source(source, faults);
	s->incomplete = !source->root;
}

void sources_done(struct sources *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct source *source = s->items[i];

		tree_done(source->tree);
		free(source->tree);
		places_done(source->places);
		free(source->places);
		free(source->text);
		free(source->path);
		free(source);
	}
	free(s->items);
	*s = (struct sources){0};
}

size_t sources_len(const struct sources *s)
{
	size_t len = 0;

	for (size_t i = 0; i < s->n; i++)
		len += s->items[i]->places->len;
	return len;
}

void sources_digest(const struct sources *s, char ret[static 65])
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	if (!md || !EVP_DigestInit_ex(md, EVP_sha256(), NULL))
		abort();
	for (size_t i = 0; i < s->n; i++)
		if (!EVP_DigestUpdate(md, s->items[i]->places->text, s->items[i]->places->len))
			abort();
	if (!EVP_DigestFinal_ex(md, hash, NULL))
		abort();
	EVP_MD_CTX_free(md);
	for (size_t i = 0; i < 32; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", hash[i]);
}
