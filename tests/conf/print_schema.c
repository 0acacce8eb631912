/* Prints the JSON Schema of the key table, as it is in etc/tandem.schema.json. */
#include "conf/schema.h"

#include <stdio.h>

int main(void)
{
	json_t *schema = conf_schema();
	int error = json_dumpf(schema, stdout, JSON_INDENT(2));

	json_decref(schema);
	return error || putchar('\n') == EOF || fflush(stdout) == EOF;
}
