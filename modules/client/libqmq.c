/* libqmq is made of the house's static libraries; the public functions are in qmq_client and qmq_base. */
#include "qmq/qmq.h"
