/* The parameters of AddBroker, ReplaceBroker and RegisterBroker, read and checked in the order of metaserver.md 11.1 and 11.2. */
#ifndef QMQ_METASERVER_BROKER_FORM_H
#define QMQ_METASERVER_BROKER_FORM_H

#include "metaserver/broker_rows.h"
#include "metaserver/management.h"

bool role_is_backup(int32_t role);

/* Each reads its part into *b and returns false when it has answered with a refusal. failed ("add broker failed") begins the messages that
 * have no text of their own. */
bool broker_form_role(action_call_t *call, const char *failed, broker_row_t *b);
/* sync_port becomes -1 when it is not needed. */
bool broker_form_ports(action_call_t *call, const char *failed, bool needs_sync_port, broker_row_t *b);
/* Group, host name and ip. The group must not be empty any more. */
bool broker_form_place(action_call_t *call, const char *failed, bool needs_sync_port, broker_row_t *b);

#endif
