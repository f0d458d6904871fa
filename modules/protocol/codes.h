/* Numbers of the wire protocol (wire-protocol.md 4, 5). */
#ifndef QMQ_PROTOCOL_CODES_H
#define QMQ_PROTOCOL_CODES_H

enum request_code {
    REQUEST_SEND_MESSAGE = 10,
    REQUEST_PULL_MESSAGE = 11,
    REQUEST_ACK = 12,
    REQUEST_SYNC_LOG = 20,
    REQUEST_SYNC_CHECKPOINT = 21,
    REQUEST_QUERY_CONSUMER_LAG = 24,
    REQUEST_CONSUME_MANAGE = 25,
    REQUEST_QUEUE_COUNT = 26,
    REQUEST_ACTION_OFFSET = 27,
    REQUEST_BROKER_REGISTER = 30,
    REQUEST_CLIENT_REGISTER = 35,
    REQUEST_BROKER_ACQUIRE_META = 40,
    REQUEST_UID_ASSIGN = 50,
    REQUEST_UID_ACQUIRE = 51,
    REQUEST_HEARTBEAT = 100
};

enum response_code {
    RESPONSE_SUCCESS = 0,
    RESPONSE_UNKNOWN_CODE = 3,
    RESPONSE_NO_MESSAGE = 4,
    RESPONSE_BROKER_ERROR = 51,
    RESPONSE_BROKER_REJECT = 52,
    RESPONSE_PARAM_ERROR = 53
};

/* Header versions our peers of each role send (5 rule 4). */
enum protocol_version { VERSION_7 = 7, VERSION_8 = 8, VERSION_9 = 9, VERSION_CURRENT = 9 };

/* Per-message results of SEND (10.5). */
enum send_result_code {
    SEND_SUCCESS = 0,
    SEND_BROKER_BUSY = 1,
    SEND_DUPLICATE = 2,
    SEND_SUBJECT_NOT_ASSIGNED = 3,
    SEND_READ_ONLY = 4,
    SEND_BLOCK = 5,
    SEND_STORE_ERROR = 6
};

enum broker_role {
    ROLE_MASTER = 0,
    ROLE_SLAVE = 1,
    ROLE_STANDBY = 2,
    ROLE_DELAY = 3,
    ROLE_BACKUP = 4,
    ROLE_DELAY_MASTER = 5,
    ROLE_DELAY_SLAVE = 6,
    ROLE_DELAY_BACKUP = 7
};

enum broker_state { BROKER_RW = 1, BROKER_R = 2, BROKER_W = 3, BROKER_NRW = 4 };

enum register_type { REGISTER_ONLINE = 0, REGISTER_HEARTBEAT = 1, REGISTER_OFFLINE = 2 };

enum client_type { CLIENT_PRODUCER = 1, CLIENT_CONSUMER = 2, CLIENT_OTHER = 3, CLIENT_DELAY_PRODUCER = 4 };
enum client_request_type { CLIENT_ONLINE = 1, CLIENT_HEARTBEAT = 2 };
enum on_offline { STATE_ONLINE = 0, STATE_OFFLINE = 1 };

enum filter_type { FILTER_TAG = 1, FILTER_SUB_ENV = 2 };
enum tag_type { TAG_NONE = 0, TAG_OR = 1, TAG_AND = 2 };

enum consume_from { CONSUME_LATEST = 1, CONSUME_EARLIEST = 2 };

enum sync_type { SYNC_ACTION = 1, SYNC_MESSAGE = 2, SYNC_HEARTBEAT = 3, SYNC_DISPATCH = 4, SYNC_INDEX = 5 };

const char *broker_role_name(int role);   /* "MASTER"; "UNKNOWN" */
const char *broker_state_name(int state); /* "RW" */

#endif
