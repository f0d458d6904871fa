#include "protocol/codes.h"

const char *broker_role_name(int role) {
    switch (role) {
    case ROLE_MASTER:
        return "MASTER";
    case ROLE_SLAVE:
        return "SLAVE";
    case ROLE_STANDBY:
        return "STANDBY";
    case ROLE_DELAY:
        return "DELAY";
    case ROLE_BACKUP:
        return "BACKUP";
    case ROLE_DELAY_MASTER:
        return "DELAY_MASTER";
    case ROLE_DELAY_SLAVE:
        return "DELAY_SLAVE";
    case ROLE_DELAY_BACKUP:
        return "DELAY_BACKUP";
    default:
        return "UNKNOWN";
    }
}

const char *broker_state_name(int state) {
    switch (state) {
    case BROKER_RW:
        return "RW";
    case BROKER_R:
        return "R";
    case BROKER_W:
        return "W";
    case BROKER_NRW:
        return "NRW";
    default:
        return "UNKNOWN";
    }
}
