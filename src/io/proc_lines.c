#include "io/proc_lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct proc_lines {
	FILE *file;
	uint64_t n, strange;
};

int proc_lines_open(const char *path, struct proc_lines **ret)
{
	struct proc_lines *lines = calloc(1, sizeof(*lines));

	if (!lines)
		return -ENOMEM;
	lines->file = fopen(path, "re");
	if (!lines->file) {
		int r = -errno;

		free(lines);
		return r;
	}
	*ret = lines;
	return 0;
}

void proc_lines_close(struct proc_lines *lines)
{
	if (!lines)
		return;
	(void)fclose(lines->file);
	free(lines);
}

int proc_lines_read(
	struct proc_lines *lines, unsigned max, proc_line_handler handler, void *userdata)
{
	char text[PROC_LINE_MAX];

	for (unsigned i = 0; i < max; i++) {
		if (!fgets(text, sizeof(text), lines->file))
			return ferror(lines->file) ? -EIO : 0;
		if (!handler(text, userdata))
			lines->strange += lines->n > 0;
		lines->n++;
	}
	return 1;
}

uint64_t proc_lines_strange(const struct proc_lines *lines)
{
	return lines->strange;
}
