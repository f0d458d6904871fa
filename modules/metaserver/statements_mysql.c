#include "metaserver/statements.h"

#define BROKER_COLUMNS "SELECT group_name, role, hostname, ip, serve_port, sync_port FROM broker"
#define EPOCH_MS(time) "UNIX_TIMESTAMP(" time ") * 1000"
#define GROUP_COLUMNS(ext)                                                                                                                 \
    "SELECT group_name, kind, master_address, broker_state, tag, " EPOCH_MS("update_time") ", " ext " FROM broker_group"
#define ROUTE_COLUMNS "SELECT subject_info, version, broker_group_json, " EPOCH_MS("update_time") " FROM subject_route"
#define STATE_COLUMNS(sum) "SELECT UNIX_TIMESTAMP(NOW()), COALESCE(MAX(UNIX_TIMESTAMP(update_time)), 0), COUNT(*), " sum
#define HERE " table_schema = DATABASE() AND table_name = "

/* Tables made by older versions of the original. */
static const upgrade_t upgrades[] = {
    {"SELECT 1 FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM information_schema.columns WHERE" HERE "'broker_group' AND column_name = 'ext')",
     "ALTER TABLE broker_group ADD COLUMN ext TEXT NULL COMMENT 'JSON object of texts'", "broker_group gets the column ext"},
    {"SELECT 1 FROM information_schema.columns WHERE" HERE
     "'readonly_broker_group_setting' AND column_name = 'broker_group' AND character_maximum_length < 30",
     "ALTER TABLE readonly_broker_group_setting MODIFY broker_group VARCHAR(30) NOT NULL DEFAULT ''",
     "readonly_broker_group_setting.broker_group gets room for 30 characters"},
    {NULL, NULL, NULL},
};

const statements_t statements_mysql = {
    .batches = false,
    .schema = schema_mysql,
    .tables = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name IN " STATEMENTS_TABLES,
    .upgrades = upgrades,
    .has_ext = "SELECT 1 FROM information_schema.columns WHERE" HERE "'broker_group' AND column_name = 'ext'",
    .now = "SELECT " EPOCH_MS("NOW()"),
    .routes_state = STATE_COLUMNS("CAST(COALESCE(SUM(version), 0) AS SIGNED)") " FROM subject_route",
    .subjects_state = STATE_COLUMNS("0") " FROM subject_info",

    .brokers = BROKER_COLUMNS,
    .broker_by_host = BROKER_COLUMNS " WHERE hostname = ? AND serve_port = ?",
    .broker_by_role = BROKER_COLUMNS " WHERE group_name = ? AND role = ?",
    .broker_by_group = BROKER_COLUMNS " WHERE group_name = ?",
    .broker_machine = BROKER_COLUMNS " WHERE hostname = ? OR ip = ? LIMIT 20",
    .broker_insert = "INSERT IGNORE INTO broker (group_name, role, hostname, ip, serve_port, sync_port) VALUES (?, ?, ?, ?, ?, ?)",
    .broker_move = "UPDATE broker SET hostname = ?, ip = ?, serve_port = ?, sync_port = ? WHERE group_name = ? AND role = ?",
    .broker_replace =
        "UPDATE broker SET hostname = ?, ip = ?, serve_port = ?, sync_port = ? WHERE group_name = ? AND role = ? AND hostname "
        "= ? AND serve_port = ?",

    .groups = GROUP_COLUMNS("ext"),
    .groups_no_ext = GROUP_COLUMNS("NULL"),
    .group_by_name = GROUP_COLUMNS("NULL") " WHERE group_name = ?",
    .group_state = "UPDATE broker_group SET broker_state = ? WHERE group_name = ?",
    .group_silent = "UPDATE broker_group SET broker_state = ? WHERE group_name = ? AND update_time <= NOW() - INTERVAL ? SECOND",
    .group_tag = "UPDATE broker_group SET tag = ? WHERE group_name = ?",
    .group_ext = "UPDATE broker_group SET ext = ? WHERE group_name = ?",
    .group_put = "INSERT INTO broker_group (group_name, kind, master_address, broker_state, create_time) VALUES (?, ?, ?, ?, NOW()) "
                 "ON DUPLICATE KEY UPDATE master_address = VALUES(master_address), broker_state = VALUES(broker_state)",

    .routes = ROUTE_COLUMNS,
    .routes_since = ROUTE_COLUMNS " WHERE UNIX_TIMESTAMP(update_time) >= ? LIMIT ?",
    .route_by_subject = ROUTE_COLUMNS " WHERE subject_info = ?",
    .route_insert = "INSERT IGNORE INTO subject_route (subject_info, version, broker_group_json, create_time) VALUES (?, ?, ?, NOW())",
    .route_update = "UPDATE subject_route SET broker_group_json = ?, version = version + 1 WHERE subject_info = ? AND version = ?",

    .subjects = "SELECT name, tag FROM subject_info",
    .subject_by_name = "SELECT name, tag, " EPOCH_MS("update_time") " FROM subject_info WHERE name = ?",
    .subject_insert = "INSERT INTO subject_info (name, tag, create_time) VALUES (?, ?, NOW())",

    .client_insert =
        "INSERT IGNORE INTO client_meta_info (subject_info, client_type, consumer_group, client_id, app_code, room, create_time) "
        "VALUES (?, ?, ?, ?, ?, ?, NOW())",
    .client_touch = "UPDATE client_meta_info SET update_time = NOW() WHERE subject_info = ? AND client_type = ? AND consumer_group = ? AND "
                    "client_id = ? AND update_time < NOW() - INTERVAL 6 HOUR",
    .client_forget = "DELETE FROM client_meta_info WHERE update_time < NOW() - INTERVAL ? DAY LIMIT ?",
    .consumers =
        "SELECT consumer_group, client_id, app_code, room FROM client_meta_info WHERE subject_info = ? AND client_type = 2 ORDER BY id",
    .offline_states = "SELECT client_id, subject_info, consumer_group, state FROM client_offline_state",
    .offline_state = "SELECT state FROM client_offline_state WHERE client_id = ? AND subject_info = ? AND consumer_group = ?",
    .offline_put = "INSERT INTO client_offline_state (client_id, subject_info, consumer_group, state) VALUES (?, ?, ?, ?) "
                   "ON DUPLICATE KEY UPDATE state = VALUES(state)",
    .offline_clear = "DELETE FROM client_offline_state WHERE subject_info = ? AND consumer_group = ?",
    .offline_delete = "DELETE FROM client_offline_state WHERE client_id = ? AND subject_info = ? AND consumer_group = ?",
    .marks = "SELECT subject, broker_group FROM readonly_broker_group_setting",
    .mark_insert = "INSERT INTO readonly_broker_group_setting (subject, broker_group) VALUES (?, ?)",
    .mark_delete = "DELETE FROM readonly_broker_group_setting WHERE subject = ? AND broker_group = ?",
    .source_insert = "INSERT IGNORE INTO datasource_config (url, user_name, password, room, create_time) VALUES (?, ?, ?, ?, NOW())",
};
