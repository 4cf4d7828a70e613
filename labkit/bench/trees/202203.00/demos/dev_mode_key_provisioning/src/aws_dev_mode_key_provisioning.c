/*
 * FreeRTOS V202203.00: a small tree in that release's layout, written for this lab manual.
 * SPDX-License-Identifier: MIT
 *
 * Developer-mode key provisioning: at every boot, see to a key pair, store the certificate that
 * was compiled in, and print the public key.
 */

#include <stddef.h>

#include "aws_clientcredential_keys.h"
#include "aws_dev_mode_key_provisioning.h"

/* 1: make a new key pair at EVERY boot, even where there is one. For one boot only; set it back
 * to 0 and build again before a certificate is issued, or the key that it names is gone. */
#define keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR    0

/* How long to wait before a key pair is made. A board that is being flashed may still start its
 * old image for a moment, which must not have the time to replace the key. */
#ifndef keyprovisioningDELAY_BEFORE_KEY_PAIR_GENERATION_SECS
    #define keyprovisioningDELAY_BEFORE_KEY_PAIR_GENERATION_SECS    180
#endif

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

    if( prvIsGiven( pcPrivateKey ) )
    {
        vPortImportPrivateKey( pcPrivateKey );
    }
    else
    {
        if( prvNewKeyPairWanted() )
        {
            vPortPrint( "Waiting before generating key-pair" );
            vPortDelaySeconds( keyprovisioningDELAY_BEFORE_KEY_PAIR_GENERATION_SECS );
            vPortGenerateKeyPair();
        }

        vPortPrintPublicKey();
    }

    if( prvIsGiven( pcCertificate ) )
    {
        vPortStoreCertificate( pcCertificate, pcAuthority );
    }
}
