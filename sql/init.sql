-- Tables of the metaserver in MySQL (5.7.7 or later). The metaserver creates what is missing by itself; this file is for doing it by hand:
--     mysql -h HOST -u USER -p DATABASE < init.sql
-- It changes nothing that exists, so it may be run again.

CREATE TABLE IF NOT EXISTS broker (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    group_name VARCHAR(30) NOT NULL DEFAULT '' COMMENT 'broker group',
    hostname VARCHAR(50) NOT NULL DEFAULT '' COMMENT 'host name the broker reports',
    ip INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'IPv4 address, INET_ATON form',
    role INT NOT NULL DEFAULT -1 COMMENT '0 master, 1 slave, 4 backup, 5 delay master, 6 delay slave, 7 delay backup',
    serve_port INT NOT NULL DEFAULT 20881 COMMENT 'port of the clients',
    sync_port INT NOT NULL DEFAULT 20882 COMMENT 'port of replication, -1 for backups',
    create_time TIMESTAMP NOT NULL DEFAULT '2018-01-01 01:01:01',
    update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    PRIMARY KEY (id),
    UNIQUE KEY uniq_broker (hostname, serve_port),
    UNIQUE KEY uniq_group_role (group_name, role),
    KEY idx_broker_group (group_name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COMMENT 'inventory of brokers';

CREATE TABLE IF NOT EXISTS broker_group (
    id INT(11) UNSIGNED NOT NULL AUTO_INCREMENT,
    group_name VARCHAR(30) NOT NULL DEFAULT '' COMMENT 'broker group',
    kind INT NOT NULL DEFAULT -1 COMMENT '1 normal, 2 delay',
    master_address VARCHAR(25) NOT NULL DEFAULT '' COMMENT 'ip:port of the master',
    broker_state TINYINT NOT NULL DEFAULT -1 COMMENT '1 RW, 2 R, 3 W, 4 NRW',
    tag VARCHAR(30) NOT NULL DEFAULT '' COMMENT 'tag of the group, empty for the default',
    create_time TIMESTAMP NOT NULL DEFAULT '2018-01-01 01:01:01',
    update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    ext TEXT NULL COMMENT 'JSON object of texts',
    PRIMARY KEY (id),
    UNIQUE KEY uniq_group_name (group_name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COMMENT 'live state of broker groups';

CREATE TABLE IF NOT EXISTS subject_info (
    id INT(11) UNSIGNED NOT NULL AUTO_INCREMENT,
    name VARCHAR(100) NOT NULL DEFAULT '' COMMENT 'subject',
    tag VARCHAR(30) NOT NULL DEFAULT '' COMMENT 'tag of the groups it is routed to',
    create_time TIMESTAMP NOT NULL DEFAULT '2018-01-01 01:01:01',
    update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    PRIMARY KEY (id),
    UNIQUE KEY uniq_name (name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COMMENT 'subjects made by hand';

CREATE TABLE IF NOT EXISTS subject_route (
    id INT(11) UNSIGNED NOT NULL AUTO_INCREMENT,
    subject_info VARCHAR(100) NOT NULL DEFAULT '' COMMENT 'subject',
    broker_group_json VARCHAR(300) NOT NULL DEFAULT '' COMMENT 'JSON array of group names',
    version INT NOT NULL DEFAULT 0 COMMENT 'optimistic lock',
    create_time TIMESTAMP NOT NULL DEFAULT '2018-01-01 01:01:01',
    update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    PRIMARY KEY (id),
    UNIQUE KEY uniq_subject (subject_info)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COMMENT 'groups assigned to subjects';

CREATE TABLE IF NOT EXISTS client_meta_info (
    id INT(11) UNSIGNED NOT NULL AUTO_INCREMENT,
    subject_info VARCHAR(100) NOT NULL DEFAULT '' COMMENT 'subject as the client said it, retry prefix included',
    client_type TINYINT NOT NULL DEFAULT 0 COMMENT '1 producer, 2 consumer, 3 other, 4 delay producer',
    consumer_group VARCHAR(100) NOT NULL DEFAULT '',
    client_id VARCHAR(100) NOT NULL DEFAULT '',
    app_code VARCHAR(100) NOT NULL DEFAULT '',
    room VARCHAR(20) NOT NULL DEFAULT '',
    create_time TIMESTAMP NOT NULL DEFAULT '2018-01-01 01:01:01',
    update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    PRIMARY KEY (id),
    UNIQUE KEY uniq_subject_client_type_consumer_group_client_id (subject_info, client_type, consumer_group, client_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 ROW_FORMAT = DYNAMIC COMMENT 'every client ever seen';

CREATE TABLE IF NOT EXISTS client_offline_state (
    id INT(11) UNSIGNED NOT NULL AUTO_INCREMENT,
    client_id VARCHAR(100) NOT NULL DEFAULT '' COMMENT '* for all clients',
    subject_info VARCHAR(100) NOT NULL DEFAULT '' COMMENT '* for all subjects',
    consumer_group VARCHAR(100) NOT NULL DEFAULT '' COMMENT '* for all groups',
    state TINYINT NOT NULL DEFAULT 0 COMMENT '0 on line, 1 off line',
    PRIMARY KEY (id),
    UNIQUE KEY uniq_client_id_subject_group (client_id, subject_info, consumer_group)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 ROW_FORMAT = DYNAMIC COMMENT 'consumers switched off';

CREATE TABLE IF NOT EXISTS readonly_broker_group_setting (
    id BIGINT(11) UNSIGNED NOT NULL AUTO_INCREMENT,
    subject VARCHAR(100) NOT NULL DEFAULT '' COMMENT '* for all subjects',
    broker_group VARCHAR(30) NOT NULL DEFAULT '',
    create_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (id),
    UNIQUE KEY uniq_subject_broker_group (subject, broker_group)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COMMENT 'groups that take no messages of a subject';

CREATE TABLE IF NOT EXISTS datasource_config (
    id INT(10) UNSIGNED NOT NULL AUTO_INCREMENT,
    url VARCHAR(128) NOT NULL DEFAULT '' COMMENT 'type://host:port of a business database',
    user_name VARCHAR(100) NOT NULL DEFAULT '',
    password VARCHAR(100) NOT NULL DEFAULT '' COMMENT 'clear text',
    status TINYINT NOT NULL DEFAULT 0 COMMENT '0 on line, -1 off line',
    room VARCHAR(20) NOT NULL DEFAULT '',
    create_time TIMESTAMP NOT NULL DEFAULT '2018-01-01 01:01:01',
    update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    PRIMARY KEY (id),
    UNIQUE KEY uniq_idx_name (url)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COMMENT 'databases the watchdog looks after';

CREATE TABLE IF NOT EXISTS leader_election (
    id INT(10) UNSIGNED NOT NULL AUTO_INCREMENT,
    name VARCHAR(128) NOT NULL DEFAULT '' COMMENT 'what is led',
    node VARCHAR(128) NOT NULL DEFAULT '' COMMENT 'who leads',
    last_seen_active BIGINT(20) NOT NULL DEFAULT 0 COMMENT 'milliseconds',
    PRIMARY KEY (id),
    UNIQUE KEY uniq_idx_name (name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COMMENT 'leases of watchdogs';
