/* Values. */
#include "conf/value.h"

#include <string.h>

bool value_is(const struct value *v, enum value_type type)
{
	return v && v->type == type;
}

const char *value_text(const struct value *v)
{
	return value_is(v, VALUE_TEXT) ? v->text : NULL;
}

int64_t value_integer(const struct value *v)
{
	return value_is(v, VALUE_INTEGER) ? v->integer : 0;
}

struct value *value_members(const struct value *object)
{
	return value_is(object, VALUE_OBJECT) ? object->first : NULL;
}

struct value *value_elements(const struct value *array)
{
	return value_is(array, VALUE_ARRAY) ? array->first : NULL;
}

struct value *value_next(const struct value *v)
{
	return v ? v->next : NULL;
}

size_t value_count(const struct value *v)
{
	return value_is(v, VALUE_OBJECT) || value_is(v, VALUE_ARRAY) ? v->n : 0;
}

const struct value *value_list(const struct value *v, size_t *ret_n)
{
	bool several = value_is(v, VALUE_ARRAY);

	*ret_n = several ? v->n : 1;
	return several ? v->first : v;
}

struct value *value_get(const struct value *object, const char *key)
{
	struct value *member = value_members(object);

	while (member && strcmp(member->key, key) != 0)
		member = member->next;
	return member;
}
