/* Bytes of the link. Lengths are checked before anything is read; what follows them is the
 * sender's word, and bounds nothing. */
#include "core/link_item.h"

#include "base/byteorder.h"

bool link_items_next(struct link_items *items, struct link_item *ret, bool *ret_whole)
{
	size_t left = (size_t)(items->end - items->at), len;

	*ret_whole = left == 0;
	if (left < LINK_ITEM_HEAD)
		return false;
	len = be16_get(items->at + 1);
	if (left - LINK_ITEM_HEAD < len)
		return false;
	*ret = (struct link_item){items->at[0], items->at + LINK_ITEM_HEAD, len};
	items->at += LINK_ITEM_HEAD + len;
	return true;
}

void link_item_head(uint8_t ret[static LINK_ITEM_HEAD], enum link_item_type type, size_t len)
{
	ret[0] = (uint8_t)type;
	be16_put(ret + 1, (uint16_t)len);
}

void heartbeat_build(const struct heartbeat *h, uint8_t ret[static HEARTBEAT_LEN])
{
	be64_put(ret, h->process);
	be32_put(ret + 8, h->state);
	be32_put(ret + 12, h->flags);
	be64_put(ret + 16, h->sent_us);
	be64_put(ret + 24, h->echo_us);
	be64_put(ret + 32, h->held_us);
}

bool heartbeat_parse(const uint8_t *body, size_t len, struct heartbeat *ret)
{
	if (len < HEARTBEAT_LEN)
		return false;
	*ret = (struct heartbeat){
		.process = be64_get(body),
		.state = be32_get(body + 8),
		.flags = be32_get(body + 12),
		.sent_us = be64_get(body + 16),
		.echo_us = be64_get(body + 24),
		.held_us = be64_get(body + 32),
	};
	return true;
}

void link_range_build(const struct link_range *range, uint8_t ret[static LINK_RANGE_LEN])
{
	be64_put(ret, range->first);
	be64_put(ret + 8, range->last);
}

bool link_range_parse(const uint8_t bytes[static LINK_RANGE_LEN], struct link_range *ret)
{
	struct link_range range = {be64_get(bytes), be64_get(bytes + 8)};

	if (range.first == 0 || range.last < range.first)
		return false;
	*ret = range;
	return true;
}
