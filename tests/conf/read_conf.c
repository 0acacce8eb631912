/* read_conf FILE NODE: what conf_load() makes of a file, for tests in other languages. */
#include "base/cleanup.h"
#include "conf/conf.h"
#include "dump.h"

int main(int argc, char **argv)
{
	struct conf_errors errors;
	struct conf *c;
	char line[4096];
	int failed;

	if (argc != 3)
		return 2;
	c = conf_load(argv[1], argv[2], &errors);
	for (size_t i = 0; i < errors.n; i++)
		(void)printf("%s\n", conf_error_format(&errors.items[i], line, sizeof(line)));
	if (c) {
		auto_free char *model = conf_dump(c);
		(void)printf("%s\n", model);
	}
	failed = !c || fflush(stdout) == EOF;
	conf_errors_done(&errors);
	conf_free(c);
	return failed;
}
