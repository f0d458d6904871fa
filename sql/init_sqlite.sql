-- The same tables as init.sql in SQLite. It is compiled into the metaserver, which creates what is missing at every start.
-- Times are texts in UTC. The triggers do what ON UPDATE CURRENT_TIMESTAMP does in MySQL: update_time moves when a value really changes.

CREATE TABLE IF NOT EXISTS broker (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_name VARCHAR(30) NOT NULL DEFAULT '',
    hostname VARCHAR(50) NOT NULL DEFAULT '',
    ip INT UNSIGNED NOT NULL DEFAULT 0,
    role INT NOT NULL DEFAULT -1,
    serve_port INT NOT NULL DEFAULT 20881,
    sync_port INT NOT NULL DEFAULT 20882,
    create_time TIMESTAMP NOT NULL DEFAULT '2018-01-01 01:01:01',
    update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE UNIQUE INDEX IF NOT EXISTS uniq_broker ON broker (hostname, serve_port);
CREATE UNIQUE INDEX IF NOT EXISTS uniq_group_role ON broker (group_name, role);
CREATE TRIGGER IF NOT EXISTS broker_touched AFTER UPDATE ON broker
WHEN OLD.update_time IS NEW.update_time AND (OLD.group_name IS NOT NEW.group_name OR OLD.hostname IS NOT NEW.hostname OR OLD.ip IS NOT NEW.ip OR OLD.role IS NOT NEW.role
    OR OLD.serve_port IS NOT NEW.serve_port OR OLD.sync_port IS NOT NEW.sync_port OR OLD.create_time IS NOT NEW.create_time)
BEGIN
    UPDATE broker SET update_time = CURRENT_TIMESTAMP WHERE id = NEW.id;
END;

CREATE TABLE IF NOT EXISTS broker_group (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_name VARCHAR(30) NOT NULL DEFAULT '',
    kind INT NOT NULL DEFAULT -1,
    master_address VARCHAR(25) NOT NULL DEFAULT '',
    broker_state TINYINT NOT NULL DEFAULT -1,
    tag VARCHAR(30) NOT NULL DEFAULT '',
    create_time TIMESTAMP NOT NULL DEFAULT '2018-01-01 01:01:01',
    update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    ext TEXT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS uniq_group_name ON broker_group (group_name);
CREATE TRIGGER IF NOT EXISTS broker_group_touched AFTER UPDATE ON broker_group
WHEN OLD.update_time IS NEW.update_time AND (OLD.group_name IS NOT NEW.group_name OR OLD.kind IS NOT NEW.kind OR OLD.master_address IS NOT NEW.master_address
    OR OLD.broker_state IS NOT NEW.broker_state OR OLD.tag IS NOT NEW.tag OR OLD.create_time IS NOT NEW.create_time)
BEGIN
    UPDATE broker_group SET update_time = CURRENT_TIMESTAMP WHERE id = NEW.id;
END;

CREATE TABLE IF NOT EXISTS subject_info (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name VARCHAR(100) NOT NULL DEFAULT '',
    tag VARCHAR(30) NOT NULL DEFAULT '',
    create_time TIMESTAMP NOT NULL DEFAULT '2018-01-01 01:01:01',
    update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE UNIQUE INDEX IF NOT EXISTS uniq_name ON subject_info (name);
CREATE TRIGGER IF NOT EXISTS subject_info_touched AFTER UPDATE ON subject_info
WHEN OLD.update_time IS NEW.update_time AND (OLD.name IS NOT NEW.name OR OLD.tag IS NOT NEW.tag OR OLD.create_time IS NOT NEW.create_time)
BEGIN
    UPDATE subject_info SET update_time = CURRENT_TIMESTAMP WHERE id = NEW.id;
END;

CREATE TABLE IF NOT EXISTS subject_route (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subject_info VARCHAR(100) NOT NULL DEFAULT '',
    broker_group_json VARCHAR(300) NOT NULL DEFAULT '',
    version INT NOT NULL DEFAULT 0,
    create_time TIMESTAMP NOT NULL DEFAULT '2018-01-01 01:01:01',
    update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE UNIQUE INDEX IF NOT EXISTS uniq_subject ON subject_route (subject_info);
CREATE TRIGGER IF NOT EXISTS subject_route_touched AFTER UPDATE ON subject_route
WHEN OLD.update_time IS NEW.update_time AND (OLD.subject_info IS NOT NEW.subject_info OR OLD.broker_group_json IS NOT NEW.broker_group_json
    OR OLD.version IS NOT NEW.version OR OLD.create_time IS NOT NEW.create_time)
BEGIN
    UPDATE subject_route SET update_time = CURRENT_TIMESTAMP WHERE id = NEW.id;
END;

CREATE TABLE IF NOT EXISTS client_meta_info (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subject_info VARCHAR(100) NOT NULL DEFAULT '',
    client_type TINYINT NOT NULL DEFAULT 0,
    consumer_group VARCHAR(100) NOT NULL DEFAULT '',
    client_id VARCHAR(100) NOT NULL DEFAULT '',
    app_code VARCHAR(100) NOT NULL DEFAULT '',
    room VARCHAR(20) NOT NULL DEFAULT '',
    create_time TIMESTAMP NOT NULL DEFAULT '2018-01-01 01:01:01',
    update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE UNIQUE INDEX IF NOT EXISTS uniq_subject_client_type_consumer_group_client_id
    ON client_meta_info (subject_info, client_type, consumer_group, client_id);
CREATE TRIGGER IF NOT EXISTS client_meta_info_touched AFTER UPDATE ON client_meta_info
WHEN OLD.update_time IS NEW.update_time AND (OLD.subject_info IS NOT NEW.subject_info OR OLD.client_type IS NOT NEW.client_type
    OR OLD.consumer_group IS NOT NEW.consumer_group OR OLD.client_id IS NOT NEW.client_id OR OLD.app_code IS NOT NEW.app_code OR OLD.room IS NOT NEW.room
    OR OLD.create_time IS NOT NEW.create_time)
BEGIN
    UPDATE client_meta_info SET update_time = CURRENT_TIMESTAMP WHERE id = NEW.id;
END;

CREATE TABLE IF NOT EXISTS client_offline_state (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id VARCHAR(100) NOT NULL DEFAULT '',
    subject_info VARCHAR(100) NOT NULL DEFAULT '',
    consumer_group VARCHAR(100) NOT NULL DEFAULT '',
    state TINYINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX IF NOT EXISTS uniq_client_id_subject_group ON client_offline_state (client_id, subject_info, consumer_group);

CREATE TABLE IF NOT EXISTS readonly_broker_group_setting (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subject VARCHAR(100) NOT NULL DEFAULT '',
    broker_group VARCHAR(30) NOT NULL DEFAULT '',
    create_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE UNIQUE INDEX IF NOT EXISTS uniq_subject_broker_group ON readonly_broker_group_setting (subject, broker_group);

CREATE TABLE IF NOT EXISTS datasource_config (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    url VARCHAR(128) NOT NULL DEFAULT '',
    user_name VARCHAR(100) NOT NULL DEFAULT '',
    password VARCHAR(100) NOT NULL DEFAULT '',
    status TINYINT NOT NULL DEFAULT 0,
    room VARCHAR(20) NOT NULL DEFAULT '',
    create_time TIMESTAMP NOT NULL DEFAULT '2018-01-01 01:01:01',
    update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE UNIQUE INDEX IF NOT EXISTS uniq_datasource_url ON datasource_config (url);
CREATE TRIGGER IF NOT EXISTS datasource_config_touched AFTER UPDATE ON datasource_config
WHEN OLD.update_time IS NEW.update_time AND (OLD.url IS NOT NEW.url OR OLD.user_name IS NOT NEW.user_name OR OLD.password IS NOT NEW.password
    OR OLD.status IS NOT NEW.status OR OLD.room IS NOT NEW.room OR OLD.create_time IS NOT NEW.create_time)
BEGIN
    UPDATE datasource_config SET update_time = CURRENT_TIMESTAMP WHERE id = NEW.id;
END;

CREATE TABLE IF NOT EXISTS leader_election (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name VARCHAR(128) NOT NULL DEFAULT '',
    node VARCHAR(128) NOT NULL DEFAULT '',
    last_seen_active BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX IF NOT EXISTS uniq_leader_name ON leader_election (name);
