/* Faults. */
#include "conf/fault.h"
#include "base/cleanup.h"
#include "conf/alloc.h"
#include "conf/source.h"

#define QUOTE_MAX 80 /* bytes of a text that are shown */

void fault_add_at(
	struct faults *f, const struct source *source, size_t offset, char *pointer, char *text)
{
	f->items = conf_grow(f->items, f->n, &f->size, sizeof(*f->items));
	f->items[f->n++] = (struct fault){source, offset, pointer, text};
}

void fault_add(struct faults *f, const struct source *source, const struct path *path,
	enum fault_place place, const char *format, ...)
{
	const struct place *found = places_find(source->places, path);
	size_t offset = FAULT_WHOLE_FILE;
	va_list args;
	char *text;

	if (found)
		offset = place == FAULT_AT_KEY ? found->key : found->value;
	va_start(args, format);
	text = conf_vprintf(format, args);
	va_end(args);
	fault_add_at(f, source, offset, path_pointer(path), text);
}

/* Control characters are for terminals to obey: show them as JSON would. */
static void put_shown(FILE *out, char c)
{
	if ((unsigned char)c < 0x20 || c == 0x7f)
		(void)fprintf(out, "\\u%04x", (unsigned)c);
	else
		(void)fputc(c, out);
}

static char *show(const char *text)
{
	char *shown = NULL;
	size_t len;
	FILE *out = open_memstream(&shown, &len);

	if (!out)
		abort();
	for (; *text; text++)
		put_shown(out, *text);
	if (fclose(out) != 0)
		abort();
	return shown;
}

static int compare_faults(const void *a, const void *b)
{
	const struct fault *x = a, *y = b;

	if (x->source->order != y->source->order)
		return x->source->order < y->source->order ? -1 : 1;
	/* A fault of the whole file comes first: FAULT_WHOLE_FILE + 1 is 0. */
	if (x->offset != y->offset)
		return x->offset + 1 < y->offset + 1 ? -1 : 1;
	return strcmp(x->text, y->text);
}

void faults_take(struct faults *f, struct conf_errors *ret)
{
	*ret = (struct conf_errors){0};
	if (!f->n)
		return;
	qsort(f->items, f->n, sizeof(*f->items), compare_faults);
	*ret = (struct conf_errors){conf_alloc(f->n, sizeof(*ret->items)), f->n};
	for (size_t i = 0; i < f->n; i++) {
		struct conf_error *e = &ret->items[i];

		e->file = show(f->items[i].source->path);
		e->pointer = f->items[i].pointer;
		e->text = show(f->items[i].text);
		free(f->items[i].text);
		if (f->items[i].offset != FAULT_WHOLE_FILE)
			places_line_column(f->items[i].source->places, f->items[i].offset, &e->line,
				&e->column);
	}
	free(f->items);
	*f = (struct faults){0};
}

char *fault_where(const struct source *source, const struct path *path)
{
	const struct place *found = places_find(source->places, path);
	unsigned line = 0, column = 0;

	if (found)
		places_line_column(source->places, found->key, &line, &column);
	return conf_printf("%s:%u:%u", source->path, line, column);
}

char *fault_quote(const char *text)
{
	char *quoted = NULL;
	size_t len, shown = 0;
	FILE *out = open_memstream(&quoted, &len);

	if (!out)
		abort();
	(void)fputc('"', out);
	/* A character of several bytes is shown whole. */
	for (; *text && (shown < QUOTE_MAX || ((unsigned char)*text & 0xc0) == 0x80);
		text++, shown++) {
		if (*text == '"' || *text == '\\')
			(void)fputc('\\', out);
		put_shown(out, *text);
	}
	(void)fputs(*text ? "...\"" : "\"", out);
	if (fclose(out) != 0)
		abort();
	return quoted;
}

char *fault_suggestion(const char *nearest)
{
	auto_free char *quoted = NULL;

	if (!nearest)
		return conf_dup("");
	quoted = fault_quote(nearest);
	return conf_printf("; did you mean %s?", quoted);
}
