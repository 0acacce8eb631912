/* Any bytes as the answer to a question of each kind: the parser must not read beyond them and must
 * leave its result alone when it refuses; what it accepts has records that end, as printable text.
 * The first byte chooses the question; the id and the question are put in, so that a search does
 * not have to find them. */
#include "core/dns_message.h"

#include "base/byteorder.h"

#include <stdlib.h>
#include <string.h>

#define ID 0x4242
#define ANSWER_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const uint16_t types[] = {1, 2, 5, 6, 12, 15, 16, 28, 33, 255, 99};

static void read_records(const struct dns_reply *reply)
{
	struct dns_cursor cursor = {0};
	struct dns_record record;
	unsigned n = 0;

	while (dns_reply_next(reply, &cursor, &record)) {
		if (strlen(record.text) >= DNS_TEXT_MAX || ++n > reply->n_records)
			abort();
		for (const char *c = record.text; *c; c++)
			if (*c < ' ' || *c > '~')
				abort();
		if (dns_record_is(&record, record.text) && record.cut)
			abort();
	}
}

static void read_answer(const struct dns_question *q, const uint8_t *bytes, size_t len)
{
	struct dns_reply reply, untouched;

	memset(&reply, 0xa5, sizeof(reply));
	memset(&untouched, 0xa5, sizeof(untouched));
	if (dns_reply_parse(q, ID, bytes, len, &reply) == DNS_OK)
		read_records(&reply);
	else if (memcmp(&reply, &untouched, sizeof(reply)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct dns_question q;
	uint8_t query[DNS_QUERY_MAX];
	uint8_t *answer;
	size_t query_len;

	if (len < 4 || len > ANSWER_MAX ||
		!dns_question_parse(
			"a.example", types[bytes[0] % (sizeof(types) / sizeof(*types))], &q))
		return 0;
	read_answer(&q, bytes, len);
	query_len = dns_query_build(&q, ID, query);
	answer = malloc(query_len + len);
	if (!answer)
		abort();
	memcpy(answer, query, query_len);
	be16_put(answer + 2, 0x8000);
	be16_put(answer + 6, be16_get(bytes + 1));
	memcpy(answer + query_len, bytes + 3, len - 3);
	read_answer(&q, answer, query_len + len - 3);
	free(answer);
	return 0;
}
