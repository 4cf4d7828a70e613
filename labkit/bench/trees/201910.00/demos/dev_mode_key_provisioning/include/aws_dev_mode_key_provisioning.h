/*
 * Amazon FreeRTOS V201910.00: a small tree in that release's layout, written for this lab manual.
 * SPDX-License-Identifier: MIT
 */

#ifndef _AWS_DEV_MODE_KEY_PROVISIONING_H_
#define _AWS_DEV_MODE_KEY_PROVISIONING_H_

/* What the board's port has to offer. */
extern int iPortHasKeyPair( void );
extern void vPortGenerateKeyPair( void );
extern void vPortImportPrivateKey( const char * pcPem );
extern void vPortStoreCertificate( const char * pcPem,
                                   const char * pcAuthorityPem );
extern void vPortPrint( const char * pcText );
extern void vPortPrintPublicKey( void );

/* Called once at every boot, before the demo connects. */
void vDevModeKeyProvisioning( void );

#endif /* _AWS_DEV_MODE_KEY_PROVISIONING_H_ */
