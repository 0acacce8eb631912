#include "director/config/error_list.h"

json_t *error_list(const struct conf_errors *errors)
{
	json_t *array = json_array();
	char text[1024];

	for (size_t i = 0; i < errors->n; i++)
		(void)json_array_append_new(array,
			json_string(conf_error_format(&errors->items[i], text, sizeof(text))));
	return array;
}
