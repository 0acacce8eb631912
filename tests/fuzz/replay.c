/* Runs a fuzz target over files, without a fuzzer: each argument is a file or a directory of files.
 * Without arguments, fuzz_NAME replays tests/fuzz/corpus/NAME. To search for new inputs, link the
 * target with clang's -fsanitize=fuzzer instead of this file. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static unsigned replayed;

/* The copy has exactly the input's size, so that a sanitizer sees a read beyond it. */
static void replay_bytes(const uint8_t *buffer, size_t len)
{
	uint8_t *bytes = malloc(len ? len : 1);

	if (!bytes)
		abort();
	memcpy(bytes, buffer, len);
	(void)LLVMFuzzerTestOneInput(bytes, len);
	free(bytes);
	replayed++;
}

static int replay_file(const char *path)
{
	uint8_t *buffer = malloc(INPUT_MAX);
	FILE *f = fopen(path, "rb");
	size_t len;

	if (!buffer || !f) {
		(void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
		free(buffer);
		return -1;
	}
	len = fread(buffer, 1, INPUT_MAX, f);
	(void)fclose(f);
	replay_bytes(buffer, len);
	free(buffer);
	return 0;
}

static int replay(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char name[4096];
	int r = 0;

	if (!dir)
		return replay_file(path);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		r |= replay_file(name);
	}
	(void)closedir(dir);
	return r;
}

static int replay_corpus(const char *program)
{
	const char *name = strrchr(program, '/'), *srcdir = getenv("TANDEM_SRCDIR");
	char path[4096];

	name = name ? name + 1 : program;
	if (strncmp(name, "fuzz_", 5) != 0)
		return -1;
	(void)snprintf(
		path, sizeof(path), "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".", name + 5);
	return replay(path);
}

int main(int argc, char **argv)
{
	int r = argc > 1 ? 0 : replay_corpus(argv[0]);

	for (int i = 1; i < argc; i++)
		r |= replay(argv[i]);
	(void)printf("%u inputs\n", replayed);
	return r || replayed == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
