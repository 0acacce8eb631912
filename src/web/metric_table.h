/* Which metrics there are. */
#pragma once

#include <stddef.h>

/* What a metric is told of: there is a sample for each of them, with the labels that name it. */
enum metric_scope {
	METRIC_OF_DIRECTOR,  /* the status; no label */
	METRIC_OF_ROUTER,    /* router */
	METRIC_OF_TRACKER,   /* tracker */
	METRIC_OF_HELPER,    /* helper */
	METRIC_OF_SERVICE,   /* service */
	METRIC_OF_SERVER,    /* service, pool, server */
	METRIC_OF_CHECK,     /* check */
	METRIC_OF_INTERFACE, /* interface: of the link */
	METRIC_SCOPE_MAX_
};
const char *metric_scope_name(enum metric_scope scope); /* "server" */

/* How the value is made of the member. */
enum metric_form {
	METRIC_ONE,     /* 1, whatever the member is */
	METRIC_NUMBER,  /* itself */
	METRIC_SECONDS, /* microseconds */
	METRIC_AGE,     /* seconds since this instant; 0: none */
	METRIC_RATIO,   /* percent */
	METRIC_FLAG,    /* a boolean: 1 or 0 */
	METRIC_IS,      /* 1 when the text is words[0], else 0 */
	METRIC_SOME,    /* 1 when it is not null, else 0 */
	METRIC_COUNT,   /* elements of the array */
	METRIC_STATE, /* a sample for each of the words, 1 for the text's, which is label `label` */
	METRIC_STATES,   /* the same, counting the "state" of the elements of the array */
	METRIC_EACH,     /* a sample for each number of the object whose name begins with words[0];
			    the rest of its name is label `label` */
	METRIC_INFO,     /* 1; the words are members, and labels of the same names */
	METRIC_LEFT_OUT, /* for each scope, what has no metrics of its own */
};

struct metric {
	const char *name; /* ends in _total: a counter, else a gauge */
	const char *help;
	enum metric_scope scope;
	enum metric_form form;
	const char *member; /* "counters/late"; "": the thing itself */
	const char *label;
	const char *const *words; /* NULL at the end */
};

extern const struct metric metric_table[];
extern const size_t metric_table_len;
