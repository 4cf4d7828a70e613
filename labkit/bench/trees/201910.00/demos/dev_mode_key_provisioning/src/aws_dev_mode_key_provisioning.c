/*
 * Amazon FreeRTOS V201910.00: a small tree in that release's layout, written for this lab manual.
 * SPDX-License-Identifier: MIT
 *
 * Developer-mode key provisioning: at every boot, see to a key pair and store the certificate
 * that was compiled in. The public key is printed only where it is news: when a pair was just
 * made, or when there is no certificate yet.
 */

#include <stddef.h>

#include "aws_clientcredential_keys.h"
#include "aws_dev_mode_key_provisioning.h"

/* 1: make a new key pair at EVERY boot, even where there is one. For one boot only; set it back
 * to 0 and build again before a certificate is issued, or the key that it names is gone. */
#define keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR    0

static int prvNewKeyPairWanted( void )
{
    #if ( 1 == keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR )
        return 1;
    #else
        return !iPortHasKeyPair();
    #endif
}

static int prvIsGiven( const char * pcPem )
{
    return ( pcPem != NULL ) && ( pcPem[ 0 ] != '\0' );
}

void vDevModeKeyProvisioning( void )
{
    const char * pcPrivateKey = keyCLIENT_PRIVATE_KEY_PEM;
    const char * pcCertificate = keyCLIENT_CERTIFICATE_PEM;
    const char * pcAuthority = keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM;
    int iPrint = !prvIsGiven( pcCertificate );

    if( prvIsGiven( pcPrivateKey ) )
    {
        vPortImportPrivateKey( pcPrivateKey );
        iPrint = 0;
    }
    else if( prvNewKeyPairWanted() )
    {
        vPortGenerateKeyPair();
        iPrint = 1;
    }

    if( iPrint )
    {
        vPortPrint( "Warning: the client certificate should be updated." );
        vPortPrintPublicKey();
    }

    if( prvIsGiven( pcCertificate ) )
    {
        vPortStoreCertificate( pcCertificate, pcAuthority );
    }
}
