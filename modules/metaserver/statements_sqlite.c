#include "metaserver/statements.h"

#define BROKER_COLUMNS "SELECT group_name, role, hostname, ip, serve_port, sync_port FROM broker"
#define EPOCH_MS(time) "CAST(strftime('%s', " time ") AS INTEGER) * 1000"
#define GROUP_COLUMNS(ext)                                                                                                                 \
    "SELECT group_name, kind, master_address, broker_state, tag, " EPOCH_MS("update_time") ", " ext " FROM broker_group"
#define ROUTE_COLUMNS "SELECT subject_info, version, broker_group_json, " EPOCH_MS("update_time") " FROM subject_route"
#define SECONDS(time) "CAST(strftime('%s', " time ") AS INTEGER)"
#define STATE_COLUMNS(sum) "SELECT " SECONDS("'now'") ", COALESCE(" SECONDS("MAX(update_time)") ", 0), COUNT(*), " sum

const statements_t statements_sqlite = {
    .batches = true,
    .schema = schema_sqlite,
    .has_ext = "SELECT 1 FROM pragma_table_info('broker_group') WHERE name = 'ext'",
    .now = "SELECT " EPOCH_MS("'now'"),
    .routes_state = STATE_COLUMNS("COALESCE(SUM(version), 0)") " FROM subject_route",
    .subjects_state = STATE_COLUMNS("0") " FROM subject_info",

    .brokers = BROKER_COLUMNS,
    .broker_by_host = BROKER_COLUMNS " WHERE hostname = ? AND serve_port = ?",
    .broker_by_role = BROKER_COLUMNS " WHERE group_name = ? AND role = ?",
    .broker_by_group = BROKER_COLUMNS " WHERE group_name = ?",
    .broker_machine = BROKER_COLUMNS " WHERE hostname = ? OR ip = ? LIMIT 20",
    .broker_insert = "INSERT OR IGNORE INTO broker (group_name, role, hostname, ip, serve_port, sync_port) VALUES (?, ?, ?, ?, ?, ?)",
    .broker_move = "UPDATE broker SET hostname = ?, ip = ?, serve_port = ?, sync_port = ? WHERE group_name = ? AND role = ?",
    .broker_replace =
        "UPDATE broker SET hostname = ?, ip = ?, serve_port = ?, sync_port = ? WHERE group_name = ? AND role = ? AND hostname "
        "= ? AND serve_port = ?",

    .groups = GROUP_COLUMNS("ext"),
    .groups_no_ext = GROUP_COLUMNS("NULL"),
    .group_by_name = GROUP_COLUMNS("NULL") " WHERE group_name = ?",
    .group_state = "UPDATE broker_group SET broker_state = ? WHERE group_name = ?",
    .group_silent =
        "UPDATE broker_group SET broker_state = ? WHERE group_name = ? AND update_time <= datetime('now', '-' || ? || ' seconds')",
    .group_tag = "UPDATE broker_group SET tag = ? WHERE group_name = ?",
    .group_ext = "UPDATE broker_group SET ext = ? WHERE group_name = ?",
    .group_put =
        "INSERT INTO broker_group (group_name, kind, master_address, broker_state, create_time) VALUES (?, ?, ?, ?, CURRENT_TIMESTAMP) "
        "ON CONFLICT (group_name) DO UPDATE SET master_address = excluded.master_address, broker_state = excluded.broker_state",

    .routes = ROUTE_COLUMNS,
    .routes_since = ROUTE_COLUMNS " WHERE update_time >= datetime(?, 'unixepoch') LIMIT ?",
    .route_by_subject = ROUTE_COLUMNS " WHERE subject_info = ?",
    .route_insert =
        "INSERT OR IGNORE INTO subject_route (subject_info, version, broker_group_json, create_time) VALUES (?, ?, ?, CURRENT_TIMESTAMP)",
    .route_update = "UPDATE subject_route SET broker_group_json = ?, version = version + 1 WHERE subject_info = ? AND version = ?",

    .subjects = "SELECT name, tag FROM subject_info",
    .subject_by_name = "SELECT name, tag, " EPOCH_MS("update_time") " FROM subject_info WHERE name = ?",
    .subject_insert = "INSERT INTO subject_info (name, tag, create_time) VALUES (?, ?, CURRENT_TIMESTAMP)",

    .client_insert =
        "INSERT OR IGNORE INTO client_meta_info (subject_info, client_type, consumer_group, client_id, app_code, room, create_time) "
        "VALUES (?, ?, ?, ?, ?, ?, CURRENT_TIMESTAMP)",
    .client_touch = "UPDATE client_meta_info SET update_time = CURRENT_TIMESTAMP WHERE subject_info = ? AND client_type = ? AND "
                    "consumer_group = ? AND client_id = ? AND update_time < datetime('now', '-6 hours')",
    .client_forget = "DELETE FROM client_meta_info WHERE id IN (SELECT id FROM client_meta_info WHERE update_time < "
                     "datetime('now', '-' || ? || ' days') LIMIT ?)",
    .consumers =
        "SELECT consumer_group, client_id, app_code, room FROM client_meta_info WHERE subject_info = ? AND client_type = 2 ORDER BY id",
    .offline_states = "SELECT client_id, subject_info, consumer_group, state FROM client_offline_state",
    .offline_state = "SELECT state FROM client_offline_state WHERE client_id = ? AND subject_info = ? AND consumer_group = ?",
    .offline_put = "INSERT INTO client_offline_state (client_id, subject_info, consumer_group, state) VALUES (?, ?, ?, ?) "
                   "ON CONFLICT (client_id, subject_info, consumer_group) DO UPDATE SET state = excluded.state",
    .offline_clear = "DELETE FROM client_offline_state WHERE subject_info = ? AND consumer_group = ?",
    .offline_delete = "DELETE FROM client_offline_state WHERE client_id = ? AND subject_info = ? AND consumer_group = ?",
    .marks = "SELECT subject, broker_group FROM readonly_broker_group_setting",
    .mark_insert = "INSERT INTO readonly_broker_group_setting (subject, broker_group) VALUES (?, ?)",
    .mark_delete = "DELETE FROM readonly_broker_group_setting WHERE subject = ? AND broker_group = ?",
    .source_insert = "INSERT OR IGNORE INTO datasource_config (url, user_name, password, room, create_time) VALUES (?, ?, ?, ?, "
                     "CURRENT_TIMESTAMP)",
};
