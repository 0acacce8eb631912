/* Places. One pass over the text lists every value in the order it is written, with its parent and
 * the end of what it contains; a lookup then walks siblings. Lookups are for errors, so they may be
 * slow, and happen after the scan; that is linear, but for sorting an object's keys. */
#include "conf/place.h"
#include "conf/alloc.h"

#include <assert.h>

/* --- Tokens --- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_space(const char *text, size_t len, size_t at)
{
	while (at < len && is_space(text[at]))
		at++;
	return at;
}

static size_t string_end(const char *text, size_t len, size_t at)
{
	for (at++; at < len && text[at] != '"'; at++)
		if (text[at] == '\\' && at + 1 < len)
			at++;
	return at < len ? at + 1 : len;
}

static size_t token_end(const char *text, size_t len, size_t at)
{
	static const char alone[] = "{}[],:";
	static const char stop[] = "{}[],:\" \t\r\n";

	if (text[at] == '"')
		return string_end(text, len, at);
	if (text[at] && strchr(alone, text[at]))
		return at + 1;
	for (at++; at < len && (!text[at] || !strchr(stop, text[at]));)
		at++;
	return at;
}

size_t place_token_before(const char *text, size_t len, size_t offset)
{
	size_t last = 0;

	for (size_t at = skip_space(text, len, 0); at < len && at < offset;
		at = skip_space(text, len, token_end(text, len, at)))
		last = at;
	return last;
}

/* --- Strings --- */

static uint32_t hex4(const char *s)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		uint32_t c = (unsigned char)s[i];
		v = v << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return v;
}

static char *put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
		return out;
	}
	if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*out++ = (char)(0xe0 | c >> 12);
		} else {
			*out++ = (char)(0xf0 | c >> 18);
			*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*out++ = (char)(0x80 | (c & 0x3f));
	return out;
}

/* Decodes the escape after the backslash at *s, which the parser has found valid. */
static char *put_escape(char *out, const char **s)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	char c = *++*s;
	const char *known = strchr(from, c);
	uint32_t code;

	if (c != 'u') {
		*out++ = known ? to[known - from] : c;
		return out;
	}
	code = hex4(*s + 1);
	*s += 4;
	if (code >= 0xd800 && code < 0xdc00) {
		code = 0x10000 + ((code - 0xd800) << 10) + (hex4(*s + 3) - 0xdc00);
		*s += 6;
	}
	return put_utf8(out, code);
}

/* Decodes the string that starts at s and ends before `end`, both being its quotes. */
static char *put_string(char *out, const char *s, const char *end)
{
	for (s++; s < end; s++) {
		if (*s == '\\')
			out = put_escape(out, &s);
		else
			*out++ = *s;
	}
	*out++ = '\0';
	return out;
}

/* --- Scan --- */

void places_init(struct places *p, const char *text, size_t len)
{
	*p = (struct places){.text = text, .len = len};
}

static int compare_names(const void *a, const void *b, void *userdata)
{
	const struct place *items = userdata;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	int order = strcmp(items[i].name, items[j].name);

	return order ? order : i < j ? -1 : 1;
}

static void add_duplicate(struct places *p, uint32_t first, uint32_t again)
{
	p->duplicates = conf_grow(
		p->duplicates, p->n_duplicates, &p->duplicates_size, sizeof(*p->duplicates));
	p->duplicates[p->n_duplicates++] = (struct place_duplicate){first, again};
}

static void find_duplicates(struct places *p, uint32_t object)
{
	uint32_t *members = conf_alloc(p->items[object].end - object, sizeof(*members));
	size_t n = 0, first = 0;

	for (uint32_t i = object + 1; i < p->items[object].end; i = p->items[i].end)
		members[n++] = i;
	qsort_r(members, n, sizeof(*members), compare_names, p->items);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(p->items[members[i]].name, p->items[members[first]].name) == 0)
			add_duplicate(p, members[first], members[i]);
		else
			first = i;
	}
	free(members);
}

static uint32_t add_place(struct places *p, struct place place)
{
	p->items = conf_grow(p->items, p->n, &p->size, sizeof(*p->items));
	place.end = (uint32_t)p->n + 1;
	p->items[p->n] = place;
	return (uint32_t)p->n++;
}

/* The value under the scan has ended; returns its parent. */
static uint32_t close_place(struct places *p, uint32_t index)
{
	p->items[index].end = (uint32_t)p->n;
	if (p->text[p->items[index].value] == '{')
		find_duplicates(p, index);
	return p->items[index].parent;
}

void places_scan(struct places *p)
{
	const char *text = p->text, *name = NULL;
	size_t key = 0, end;
	uint32_t inside = 0;
	char *names = p->names = conf_alloc(p->len + 1, 1);

	for (size_t at = skip_space(text, p->len, 0); at < p->len;
		at = skip_space(text, p->len, end)) {
		end = token_end(text, p->len, at);
		if (text[at] == ',' || text[at] == ':')
			continue;
		if (text[at] == '}' || text[at] == ']') {
			inside = close_place(p, inside);
		} else if (p->n && text[p->items[inside].value] == '{' && !name) {
			key = at;
			name = names;
			names = put_string(names, text + at, text + end - 1);
		} else {
			uint32_t i = add_place(p, (struct place){.name = name,
							  .key = name ? key : at,
							  .value = at,
							  .parent = inside});
			name = NULL;
			if (text[at] == '{' || text[at] == '[')
				inside = i;
		}
	}
}

void places_done(struct places *p)
{
	free(p->names);
	free(p->items);
	free(p->duplicates);
	free(p->lines);
	*p = (struct places){0};
}

/* --- Lookup --- */

static const struct place *find_step(
	const struct places *p, const struct place *parent, const struct path *step)
{
	const struct place *found = NULL;
	size_t index = 0;

	for (size_t i = (size_t)(parent - p->items) + 1; i < parent->end; i = p->items[i].end) {
		const struct place *child = &p->items[i];
		if (step->key && child->name && strcmp(child->name, step->key) == 0)
			found = child;
		if (!step->key && !child->name && index++ == step->index)
			return child;
	}
	return found;
}

const struct place *places_find(struct places *p, const struct path *path)
{
	const struct place *parent, *found;

	if (!p->n && p->is_json)
		places_scan(p);
	if (!p->n)
		return NULL;
	if (!path->up)
		return p->items;
	parent = places_find(p, path->up);
	found = find_step(p, parent, path);
	return found ? found : parent;
}

static void find_lines(struct places *p)
{
	for (size_t at = 0;;) {
		const char *newline;

		p->lines = conf_grow(p->lines, p->n_lines, &p->lines_size, sizeof(*p->lines));
		p->lines[p->n_lines++] = at;
		newline = memchr(p->text + at, '\n', p->len - at);
		if (!newline)
			return;
		at = (size_t)(newline - p->text) + 1;
	}
}

void places_line_column(struct places *p, size_t offset, unsigned *ret_line, unsigned *ret_column)
{
	size_t low = 0, high;
	unsigned column = 1;

	if (p->n_lines == 0)
		find_lines(p);
	high = p->n_lines;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (p->lines[middle] <= offset)
			low = middle;
		else
			high = middle;
	}
	for (size_t i = p->lines[low]; i < offset && i < p->len; i++)
		if (((unsigned char)p->text[i] & 0xc0) != 0x80)
			column++;
	*ret_line = (unsigned)low + 1;
	*ret_column = column;
}

/* --- Pointers --- */

static void put_step(FILE *out, const char *key)
{
	(void)fputc('/', out);
	for (; *key; key++) {
		if (*key == '~' || *key == '/')
			(void)fputs(*key == '~' ? "~0" : "~1", out);
		else if ((unsigned char)*key < 0x20 || *key == 0x7f)
			(void)fprintf(out, "\\u%04x", (unsigned)*key);
		else
			(void)fputc(*key, out);
	}
}

static void put_path(FILE *out, const struct path *path)
{
	if (!path->up)
		return;
	put_path(out, path->up);
	if (path->key)
		put_step(out, path->key);
	else
		(void)fprintf(out, "/%zu", path->index);
}

char *path_pointer(const struct path *path)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		abort();
	put_path(out, path);
	if (fclose(out) != 0)
		abort();
	return text;
}

static void put_place(FILE *out, const struct places *p, uint32_t index)
{
	const struct place *place = &p->items[index];
	size_t element = 0;

	if (index == 0)
		return;
	put_place(out, p, place->parent);
	if (place->name) {
		put_step(out, place->name);
		return;
	}
	for (uint32_t i = place->parent + 1; i < index; i = p->items[i].end)
		element++;
	(void)fprintf(out, "/%zu", element);
}

char *place_pointer(const struct places *p, uint32_t index)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert(index < p->n);
	if (!out)
		abort();
	put_place(out, p, index);
	if (fclose(out) != 0)
		abort();
	return text;
}
