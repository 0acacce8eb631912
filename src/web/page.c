/* A page of plain HTML around the words of tandemctl(8): what operators know from there. */
#include "web/page.h"

#include "base/cleanup.h"
#include "ctl/print.h"

#include <stdlib.h>

void page_print_text(FILE *f, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			(void)fputs("&lt;", f);
			break;
		case '>':
			(void)fputs("&gt;", f);
			break;
		case '&':
			(void)fputs("&amp;", f);
			break;
		case '"':
			(void)fputs("&quot;", f);
			break;
		case '\'':
			(void)fputs("&#39;", f);
			break;
		default:
			(void)fputc(*text, f);
		}
	}
}

static void print_escaped_status(FILE *f, const json_t *status, struct instant now)
{
	auto_free char *text = NULL;
	size_t len;
	FILE *memory = open_memstream(&text, &len);

	if (!memory)
		return;
	print_status(memory, status, now);
	if (fclose(memory) == 0)
		page_print_text(f, text);
}

void page_print(FILE *f, const json_t *status, const char *reason, struct instant now)
{
	const char *node = json_string_value(json_object_get(status, "node"));

	(void)fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		    "<meta name=\"viewport\" content=\"width=device-width\">\n"
		    "<meta http-equiv=\"refresh\" content=\"10\">\n<title>tandem",
		f);
	if (node) {
		(void)fputs(": ", f);
		page_print_text(f, node);
	}
	(void)fputs("</title>\n</head>\n<body>\n<pre>\n", f);
	if (status)
		print_escaped_status(f, status, now);
	else
		page_print_text(f, reason);
	(void)fputs("\n</pre>\n<p><a href=\"status.json\">status.json</a> "
		    "<a href=\"metrics\">metrics</a></p>\n</body>\n</html>\n",
		f);
}
