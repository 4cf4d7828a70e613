/*
 * FreeRTOS V202203.00: a small tree in that release's layout, written for this lab manual.
 * SPDX-License-Identifier: MIT
 *
 * The hello world: connect with the device's own certificate and key, subscribe to a topic,
 * publish to it, and wait for the message to come back.
 */

#include "aws_clientcredential.h"

#define mqttexampleTOPIC      clientcredentialIOT_THING_NAME "/example/topic"
#define mqttexampleMESSAGE    "Hello World!"

/* What the board's port has to offer; each returns 1 where it went well. */
extern int iPortConnectMutualTls( const char * pcHost,
                                  unsigned short usPort,
                                  const char * pcClientIdentifier );
extern int iPortSubscribe( const char * pcTopicFilter );
extern int iPortPublish( const char * pcTopic,
                         const char * pcMessage );
extern int iPortWaitForMessage( const char * pcTopic );
extern void vPortDisconnect( void );

int RunCoreMqttMutualAuthDemo( void );

int RunCoreMqttMutualAuthDemo( void )
{
    int iPassed = 0;

    if( iPortConnectMutualTls( clientcredentialMQTT_BROKER_ENDPOINT,
                               clientcredentialMQTT_BROKER_PORT,
                               clientcredentialIOT_THING_NAME ) )
    {
        iPassed = iPortSubscribe( mqttexampleTOPIC ) &&
                  iPortPublish( mqttexampleTOPIC, mqttexampleMESSAGE ) &&
                  iPortWaitForMessage( mqttexampleTOPIC );
        vPortDisconnect();
    }

    return iPassed;
}
