/* Everything of libqmq. */
#ifndef QMQ_QMQ_H
#define QMQ_QMQ_H

#include "qmq/client.h"
#include "qmq/consumer.h"
#include "qmq/message.h"
#include "qmq/producer.h"

#endif
