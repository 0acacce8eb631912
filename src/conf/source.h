/* The texts of a configuration: the main file and what it includes, read, parsed as JSON, with the
 * places of everything in them. What the JSON means is not known here, except "include". */
#pragma once

#include "conf/fault.h"
#include "conf/place.h"
#include "conf/tree.h"

#define SOURCE_LEN_MAX ((size_t)16 << 20) /* bytes of one file */
#define SOURCE_FILES_MAX 1024
#define SOURCE_DEPTH_MAX 8 /* files that include each other, the main one not counted */

struct source {
	char *path;              /* as it was opened, and as errors name it */
	size_t order;            /* in which it was read */
	const struct source *by; /* the file that includes it; NULL for the main one */
	unsigned depth;          /* 0 for the main file */
	uint64_t device, inode;  /* the file's identity; 0, 0 when none was read */
	char *text;
	struct places *places; /* found when something is reported */
	struct tree *tree;
	struct value *root; /* in the tree; NULL unless the text is a JSON object */
};

struct conf_text;

struct sources {
	struct source **items;
	size_t n, size;
	/* Files that take the place of those on the disk; NULL: those on the disk. */
	const struct conf_text *texts;
	size_t n_texts;
	bool incomplete; /* something could not be read: what is nowhere may yet exist */
};

/* Reads path and all that it includes. What cannot be read or is no JSON object becomes a fault and
 * has no root; sources_done() releases everything, when the faults have been taken. */
void sources_read(struct sources *s, const char *path, struct faults *faults);
/* A path without "." components and doubled slashes, to be freed. */
char *source_plain_path(const char *path);
/* The same for one text that is in memory; it includes nothing. */
void sources_read_text(struct sources *s, const char *text, size_t len, struct faults *faults);
void sources_done(struct sources *s);

/* Bytes of all texts. */
size_t sources_len(const struct sources *s);
/* SHA-256, in hex, of all texts in the order of reading. */
void sources_digest(const struct sources *s, char ret[static 65]);
