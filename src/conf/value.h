/* What a configuration says, as JSON has it, before anybody knows what it means. A value is as
 * small as can be, for there are hundreds of thousands of them in a large file; they live in a tree
 * (conf/tree.h) and are released with it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_type {
	VALUE_NULL,
	VALUE_BOOLEAN,
	VALUE_INTEGER,
	VALUE_REAL,
	VALUE_TEXT,
	VALUE_ARRAY,
	VALUE_OBJECT,
};

struct value {
	const char *key;    /* of a member of an object; NULL of anything else */
	struct value *next; /* what comes after it in the same object or array */
	union {
		struct value *first; /* of an object or an array, in the text's order */
		const char *text;    /* UTF-8 without NUL */
		int64_t integer;
		double real;
		bool truth;
	};
	uint32_t n; /* how many an object or an array has */
	enum value_type type;
};

/* All of these may be asked of NULL, which is a value that is not there: it is of no type. */
bool value_is(const struct value *v, enum value_type type);
/* NULL of what is no text. */
const char *value_text(const struct value *v);
/* 0 of what is no integer. */
int64_t value_integer(const struct value *v);

/* The first of an object's members or an array's elements, to go on by `next`; NULL of anything
 * else. */
struct value *value_members(const struct value *object);
struct value *value_elements(const struct value *array);
struct value *value_next(const struct value *v);
/* How many members or elements; 0 of anything else. */
size_t value_count(const struct value *v);

/* Where one value may be without the array that several are in: the first of *ret_n, which `next`
 * leads on from *ret_n - 1 times. */
const struct value *value_list(const struct value *v, size_t *ret_n);

/* The member of that name; NULL when there is none. It is looked for one by one: what is a member
 * for each of many names is gone through, not looked up. */
struct value *value_get(const struct value *object, const char *key);
