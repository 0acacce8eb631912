/* Nothing here compares what we say with what the kernel says: it has its own ways to put the same
 * rules. What it told right after they were made is what it must tell later. */
#include "director/forward/nft_table.h"

#include "base/cleanup.h"
#include "director/forward/ruleset.h"
#include "io/file.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST_TEXT_MAX 65 /* SHA-256 in hex, with its NUL */
#define ATTEMPTS 3

int nft_table_init(struct nft_table *t, const char *runtime_dir)
{
	*t = (struct nft_table){0};
	if (asprintf(&t->record_path, "%s/nft.json", runtime_dir) < 0) {
		t->record_path = NULL;
		return -ENOMEM;
	}
	t->record = json_load_file(t->record_path, 0, NULL);
	if (!json_is_object(t->record)) {
		json_decref(t->record); /* none, or not ours: start anew */
		t->record = json_object();
	}
	return t->record ? 0 : -ENOMEM;
}

void nft_table_done(struct nft_table *t)
{
	json_decref(t->record);
	free(t->record_path);
	*t = (struct nft_table){0};
}

static const char *recorded(const struct nft_table *t, const char *what)
{
	const char *text = json_string_value(json_object_get(t->record, what));

	return text ? text : "";
}

bool nft_table_has_own(const struct nft_table *t)
{
	return recorded(t, "sent")[0] != '\0';
}

static int write_record(struct nft_table *t, const char *sent, const char *held)
{
	(void)json_object_set_new(t->record, "sent", json_string(sent));
	(void)json_object_set_new(t->record, "held", json_string(held));
	return file_replace_json(t->record_path, t->record, JSON_COMPACT);
}

static int digest_of(const char *text, char digest[static DIGEST_TEXT_MAX])
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest(text, strlen(text), hash, &len, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	for (unsigned i = 0; i < len && i < DIGEST_TEXT_MAX / 2; i++)
		(void)snprintf(digest + (size_t)i * 2, 3, "%02x", hash[i]);
	return 0;
}

/* Of the table as the kernel tells it; of nothing ("") when it has none. */
static int look(char digest[static DIGEST_TEXT_MAX], char error[static NFT_ERROR_MAX])
{
	auto_free char *answer = NULL, *text = NULL;
	json_auto_t *list = NULL;
	int r = nft_run(RULESET_LIST, &answer, error);

	digest[0] = '\0';
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	list = json_loads(answer, 0, NULL);
	if (list)
		ruleset_normalize(list);
	text = list ? json_dumps(list, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	return text ? digest_of(text, digest) : -ENOMEM;
}

/* The kernel names no module, and says only that something does not exist. */
static void explain(int error, const char *text, char ret_error[static NFT_TABLE_ERROR_MAX])
{
	(void)snprintf(ret_error, NFT_TABLE_ERROR_MAX, "nftables, table %s %s: %s%s",
		RULESET_FAMILY, RULESET_TABLE, text,
		error == -ENOENT ? " (does this kernel have the modules nf_tables, nft_chain_nat, "
				   "nft_ct, nft_hash and nft_fib_inet?)"
				 : "");
}

/* Somebody else's change between ours and the look at it would be taken for ours: done again then.
 */
static int replace(struct nft_table *t, const char *commands, char held[static DIGEST_TEXT_MAX],
	char error[static NFT_ERROR_MAX])
{
	uint32_t before = 0, after = 0;
	int r = 0;

	for (int attempt = 0; r >= 0 && attempt < ATTEMPTS; attempt++) {
		(void)nft_generation(&before);
		r = nft_run(commands, NULL, error);
		if (r >= 0)
			r = look(held, error);
		if (r >= 0 && nft_generation(&after) >= 0 && after == before + 1)
			break;
	}
	t->generation = r < 0 ? 0 : after;
	return r;
}

bool nft_table_is_untouched(const struct nft_table *t)
{
	uint32_t now;

	return t->generation != 0 && nft_generation(&now) >= 0 && now == t->generation;
}

/* Whether the kernel has what was put there, whoever changed what else. */
static bool is_right(struct nft_table *t, char error[static NFT_ERROR_MAX])
{
	char held[DIGEST_TEXT_MAX];
	uint32_t generation = 0;

	(void)nft_generation(&generation);
	if (look(held, error) < 0 || held[0] == '\0' || strcmp(held, recorded(t, "held")) != 0)
		return false;
	t->generation = generation;
	return true;
}

static int put(struct nft_table *t, const char *commands, const char *sent,
	char error[static NFT_ERROR_MAX])
{
	char held[DIGEST_TEXT_MAX] = "";
	int r = write_record(t, sent[0] ? sent : recorded(t, "sent"), "");

	if (r < 0) {
		(void)snprintf(
			error, NFT_ERROR_MAX, "the table cannot be recorded: %s", strerror(-r));
		return r;
	}
	r = replace(t, commands, held, error);
	if (r < 0)
		return r;
	(void)write_record(t, sent, held); /* else the next start replaces it once more */
	return 1;
}

/* The commands for `want`, as text (free it), and their digest. 0 or -errno. */
static int prepare(const struct nft_rules *want, char **ret_text, char sent[static DIGEST_TEXT_MAX])
{
	json_auto_t *commands = ruleset_replace(want);
	char *text = commands ? json_dumps(commands, JSON_COMPACT) : NULL;
	int r = -ENOMEM;

	if (text)
		r = nft_rules_empty(want) ? 0 : digest_of(text, sent);
	*ret_text = text;
	return r;
}

const char *nft_table_difference(struct nft_table *t, const struct nft_rules *want)
{
	char sent[DIGEST_TEXT_MAX] = "", error[NFT_ERROR_MAX];
	auto_free char *text = NULL;

	if (nft_rules_empty(want))
		return nft_table_has_own(t) ? "remove" : NULL;
	if (prepare(want, &text, sent) >= 0 && strcmp(sent, recorded(t, "sent")) == 0 &&
		is_right(t, error))
		return NULL;
	return "replace";
}

int nft_table_apply(struct nft_table *t, const struct nft_rules *want,
	char ret_error[static NFT_TABLE_ERROR_MAX])
{
	char sent[DIGEST_TEXT_MAX] = "", error[NFT_ERROR_MAX] = "";
	auto_free char *text = NULL;
	int r;

	if (nft_rules_empty(want) && !nft_table_has_own(t))
		return 0; /* nftables itself need not be there */
	r = prepare(want, &text, sent);
	if (r >= 0 && strcmp(sent, recorded(t, "sent")) == 0 && is_right(t, error))
		return 0;
	if (r >= 0)
		r = put(t, text, sent, error);
	else
		(void)snprintf(error, sizeof(error), "%s", strerror(-r));
	if (r < 0)
		explain(r, error, ret_error);
	return r;
}
