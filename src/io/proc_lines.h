/* A file of /proc that is long, read so many lines at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PROC_LINE_MAX 1024 /* a longer line is read as several */

struct proc_lines;
int proc_lines_open(const char *path, struct proc_lines **ret); /* 0 or -errno */
void proc_lines_close(struct proc_lines *lines);                /* NULL is fine */

/* One line, with its end. Returns whether it was understood. */
typedef bool (*proc_line_handler)(const char *line, void *userdata);
/* The next lines, `max` at most. 1: there is more; 0: that was all; or -errno. */
int proc_lines_read(
	struct proc_lines *lines, unsigned max, proc_line_handler handler, void *userdata);
/* Lines that were not understood; the first is a heading. */
uint64_t proc_lines_strange(const struct proc_lines *lines);
